// Writing: how much of the limit is used. The preview is htmx's, the draft is draft.js's.
"use strict";
{
  const text = document.getElementById("text");
  const line = document.getElementById("count");
  const most = Number(text.dataset.most);
  const said = new Intl.NumberFormat(document.documentElement.lang);
  const count = () => {
    const used = Array.from(text.value.trim().normalize("NFC")).length; // as the server counts
    const over = used > most;
    line.textContent = (over ? line.dataset.over : line.dataset.count)
      .replace("{count}", said.format(used)).replace("{most}", said.format(most));
    line.classList.toggle("fault", over);
    // Said aloud only when the limit is passed, not at every key.
    line.setAttribute("aria-live", over ? "polite" : "off");
  };
  text.addEventListener("input", count);
  count();
}
