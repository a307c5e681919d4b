// Keys of the pages: the list behind `?` says which key does what, and a page's scripts say what that is. A key without
// a modifier acts only outside fields, for readers who can switch such keys off and have not; each does what a button or
// link on the page does as well.
"use strict";
{
  const list = document.getElementById("keys");
  const rows = [...list.querySelectorAll("[data-keys]")].map((row) => ({ row, acts: JSON.parse(row.dataset.keys) }));
  const bound = Object.assign({}, ...rows.map(({ acts }) => acts));
  const acts = new Map();
  window.espalierKeys = {
    on: (more) => Object.entries(more).forEach(([act, action]) => acts.set(act, action)),
    off: document.documentElement.dataset.singleKeys === "off",
  };
  const typing = (at) => at.closest("textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])");
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    const held = event.ctrlKey || event.metaKey ? "ctrl+" : event.altKey ? "alt+" : "";
    const key = held + (event.key ?? "").toLowerCase();
    if (key.length === 1 && (window.espalierKeys.off || typing(event.target))) return;
    if (held && (event.shiftKey || (event.ctrlKey && event.altKey))) return;
    const action = acts.get(bound[key]);
    if (!action) return;
    event.preventDefault();
    action(event);
  });

  const show = () => {
    const works = ([key, act]) => acts.has(act) && !(window.espalierKeys.off && key.length === 1);
    for (const { row, acts: said } of rows) row.hidden = !Object.entries(said).some(works);
    for (const group of list.querySelectorAll("section")) group.hidden = !group.querySelector("dl > :not([hidden])");
    list.showModal();
    list.querySelector("form[method=dialog] button").focus();
  };
  window.espalierKeys.on({ keys: show });
  for (const link of document.querySelectorAll("[data-shows-keys]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      show();
    });
  }
}
