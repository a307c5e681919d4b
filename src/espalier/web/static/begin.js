// A prompt begun before signing in: what is typed goes to the server two seconds after the last key; while that fails
// it stays in this browser.
"use strict";
{
  const form = document.querySelector("form.composer");
  const { text, lang } = form.elements;
  const state = form.querySelector("[data-kept]");
  const KEY = "draft:begin:/begin"; // read by kept.js, too
  const WAIT_MS = 2000;
  let timer = 0, left = false;

  // Storage may be forbidden or full: then there is only the server.
  const here = {
    keep(sent = false) {
      try { localStorage.setItem(KEY, JSON.stringify({ version: 0, fields: [["text", text.value], ["lang", lang.value]], sent })); } catch { }
    },
    forget() { try { localStorage.removeItem(KEY); } catch { } },
    read() { try { return JSON.parse(localStorage.getItem(KEY)); } catch { return null; } },
  };

  const save = async () => {
    clearTimeout(timer);
    timer = 0;
    if (left || !text.value.trim()) return;
    const now = text.value;
    try {
      const answer = await fetch(form.action, {
        method: "POST", body: new FormData(form), headers: { Accept: "application/json" }, keepalive: now.length < 30000,
      });
      if (answer.ok && text.value === now) here.forget();
      state.textContent = answer.ok ? state.dataset.kept : state.dataset.unkept;
    } catch { state.textContent = state.dataset.unkept; }
  };
  const soon = () => { here.keep(); state.textContent = ""; clearTimeout(timer); timer = setTimeout(save, WAIT_MS); };

  const kept = here.read();
  if (kept) {
    const fields = new Map(kept.fields);
    text.value = fields.get("text") ?? text.value;
    if ([...lang.options].some((each) => each.value === fields.get("lang"))) lang.value = fields.get("lang");
    save();
  }
  form.addEventListener("input", soon);
  lang.addEventListener("change", () => { text.lang = lang.value; });
  form.addEventListener("submit", () => { left = true; clearTimeout(timer); here.keep(true); });
  document.addEventListener("submit", (event) => {
    if (event.target.getAttribute("action") === "/signout") left = true; // site.js has forgotten all drafts here
  });
  addEventListener("pageshow", () => { left = false; });
  addEventListener("online", save);
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden" && timer) save(); });
}
