// A key for each decision: it chooses, and the reason is next; nothing is sent by it. Buttons and links with a key are
// pressed.
"use strict";
for (const at of document.querySelectorAll("[data-key]")) {
  window.espalierKeys.on({
    [at.dataset.key]: () => {
      if (at.type !== "radio") return at.click();
      at.checked = true;
      document.getElementById("reason").focus();
    },
  });
}
