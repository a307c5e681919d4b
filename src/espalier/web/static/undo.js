// The line that takes back what was done last: says itself once, counts down in silence, and goes when its time is over.
"use strict";
{
  const begun = performance.now();
  const line = document.getElementById("undo");
  const button = line?.querySelector("[data-words]");
  const status = line?.querySelector("[data-say]");
  if (line) {
    // The server has taken it, so no copy of it stays here, not even of what was sent without a connection first.
    try {
      for (const kept of Object.keys(localStorage))
        if (kept.startsWith("draft:") && kept.endsWith(`:/tasks/${line.dataset.task}/draft`)) localStorage.removeItem(kept);
    } catch { }
    const key = `said:${line.dataset.task}`;
    let said = false;
    try {
      said = sessionStorage.getItem(key) === "yes";
      sessionStorage.setItem(key, "yes");
    } catch { } // storage may be forbidden
    // After the page has been read out, or it would be lost.
    if (!said) setTimeout(() => { status.textContent = status.dataset.say; }, 1000);
    const count = () => {
      const left = Math.round(Number(line.dataset.leftS) - (performance.now() - begun) / 1000);
      if (left > 0) {
        if (button) button.textContent = button.dataset.words.replace("{left}", `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`);
        return;
      }
      clearInterval(timer);
      if (line.contains(document.activeElement)) document.getElementById("main")?.focus();
      line.remove();
    };
    const timer = setInterval(count, 1000);
  }
  // The button that was pressed is gone; what came of it is read out.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "undo") event.target.querySelector("p").focus({ preventScroll: true });
  });
}
