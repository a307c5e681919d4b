// A prompt begun before signing in: what is typed goes to the server two seconds after the last key.
"use strict";
{
  const form = document.querySelector("form.composer");
  const state = form.querySelector("[data-kept]");
  const WAIT_MS = 2000;
  let timer = 0, sent = false;
  const keep = async () => {
    clearTimeout(timer);
    timer = 0;
    if (sent || !form.elements.text.value.trim()) return;
    try {
      const answer = await fetch(form.action, {
        method: "POST", body: new FormData(form), headers: { Accept: "application/json" }, keepalive: form.elements.text.value.length < 30000,
      });
      state.textContent = answer.ok ? state.dataset.kept : state.dataset.unkept;
    } catch { state.textContent = state.dataset.unkept; }
  };
  form.addEventListener("input", () => { state.textContent = ""; clearTimeout(timer); timer = setTimeout(keep, WAIT_MS); });
  form.elements.lang.addEventListener("change", () => { form.elements.text.lang = form.elements.lang.value; });
  form.addEventListener("submit", () => { sent = true; clearTimeout(timer); });
  addEventListener("pageshow", () => { sent = false; });
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden" && timer) keep(); });
}
