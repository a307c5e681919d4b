// Buttons with a key are pressed by it.
"use strict";
for (const button of document.querySelectorAll("button[data-key]")) {
  window.espalierKeys.on({ [button.dataset.key]: () => button.click() });
}
