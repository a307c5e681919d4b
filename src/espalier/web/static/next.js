// Pages that offer the next task: N presses their button.
"use strict";
{
  const button = document.querySelector("[data-key=next]");
  if (button) window.espalierKeys.on({ next: () => button.click() });
}
