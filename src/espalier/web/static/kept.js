// Where the server was not reached: what this browser keeps of what was typed, and the way back to it.
"use strict";
{
  const place = document.querySelector("[data-kept]");
  const sheet = place.querySelector("template");
  const here = [];
  try {
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith("draft:")) continue;
      const draft = JSON.parse(localStorage.getItem(key));
      if (draft.sent) localStorage.setItem(key, JSON.stringify({ ...draft, sent: "perhaps" })); // a reload sends it once more
      here.push([key.slice(key.indexOf(":", 6) + 1), draft.fields.find(([name]) => name === "text")?.[1] ?? ""]);
    }
  } catch { } // storage may be forbidden
  for (const [address, text] of here) {
    const shown = sheet.content.firstElementChild.cloneNode(true);
    const area = shown.querySelector("textarea");
    if (text) area.value = text; else area.remove();
    shown.querySelector("a").href = address.replace(/\/draft$/, "");
    place.append(shown);
  }
  place.hidden = here.length === 0;
}
