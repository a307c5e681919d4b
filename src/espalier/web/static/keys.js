// Keys of the task pages. A key without a modifier acts only outside fields and where the reader has not switched
// such keys off; each does what a button or link on the page does as well. `?` shows them all.
"use strict";
{
  const typing = (at) => at.closest("textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])");
  const actions = new Map();
  window.espalierKeys = {
    on: (more) => Object.entries(more).forEach(([key, action]) => actions.set(key, action)),
    off: document.documentElement.dataset.singleKeys === "off",
  };
  document.addEventListener("keydown", (event) => {
    if (window.espalierKeys.off || event.defaultPrevented || event.isComposing) return;
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const action = actions.get(event.key.toLowerCase());
    if (!action || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    action(event);
  });

  const list = document.getElementById("keys");
  if (list) {
    const show = () => {
      list.showModal();
      list.querySelector("form[method=dialog] button").focus();
    };
    actions.set("?", show);
    for (const link of document.querySelectorAll("[data-shows-keys]")) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        show();
      });
    }
  }
}
