// Drafts: what is typed goes to the server a second after the last key; while that fails it stays in this browser.
"use strict";
{
  const field = document.querySelector("input[data-draft]");
  const form = field.form;
  const state = form.querySelector("[data-draft-state]");
  const key = `draft:${field.dataset.account}:${field.dataset.draft}`;
  const SERVICE = new Set(["form_token", "answer_id", "choice", "version", "send_anyway", "lang"]);
  const WAIT_MS = 1000;
  let timer = 0, saving = false, again = false, savedAt = 0, left = false, torn = false;

  form.reset(); // some browsers fill in what was typed before a reload; what the server sent is where we begin
  const filled = () => [...new FormData(form)].filter(([name]) => !SERVICE.has(name));
  const refused = form.querySelector("[role=alert]") !== null; // what the form holds was sent, and not taken
  let known = refused ? "" : JSON.stringify(filled()); // what the server has as a draft

  const say = (name, address = null) => {
    const words = state.dataset[name];
    if (state.dataset.now === name) return;
    state.dataset.now = name;
    state.classList.toggle("saved", false);
    state.setAttribute("aria-live", name === "saving" ? "off" : "polite");
    if (address) {
      const anchor = document.createElement("a");
      anchor.href = address;
      anchor.textContent = words;
      state.replaceChildren(anchor);
    } else state.textContent = words;
  };
  const thisPage = location.pathname + location.search;
  const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { style: "narrow" });
  const sayAge = () => {
    if (!savedAt) return;
    const seconds = Math.round((Date.now() - savedAt) / 1000);
    const ago = seconds < 60 ? relative.format(-seconds, "second") : relative.format(-Math.floor(seconds / 60), "minute");
    state.dataset.now = "saved";
    state.setAttribute("aria-live", "off"); // it changes every few seconds
    state.classList.add("saved");
    state.textContent = state.dataset.saved.replace("{ago}", ago);
  };
  setInterval(() => { if (state.dataset.now === "saved") sayAge(); }, 5000);

  // Storage may be forbidden or full: then there is only the server.
  const here = {
    keep(sent = false) {
      try { localStorage.setItem(key, JSON.stringify({ version: Number(field.value), fields: filled(), sent })); } catch { }
    },
    forget() { try { localStorage.removeItem(key); } catch { } },
    read() { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } },
  };

  const save = async (last = false) => {
    clearTimeout(timer);
    const now = JSON.stringify(filled());
    if (now === known || left) return;
    here.keep();
    if (torn) return; // first it is to be chosen which draft goes on
    if (saving) { again = true; return; }
    saving = true;
    say("saving");
    try {
      const answer = await fetch(field.dataset.draft, {
        method: "POST", body: new FormData(form), headers: { Accept: "application/json" },
        redirect: "manual", // to the sign-in page, if anywhere
        signal: AbortSignal.timeout(20000), // what hangs is as good as offline
        keepalive: last && now.length < 30000,
      });
      if (answer.ok) {
        field.value = (await answer.json()).version;
        known = now;
        savedAt = Date.now();
        if (JSON.stringify(filled()) === now) here.forget();
        sayAge();
      } else if (answer.status === 409) conflict(await answer.json());
      else if (answer.status === 410) say("refused");
      else if (answer.type === "opaqueredirect" || answer.status === 401)
        say("signedOut", `${state.dataset.signin}?next=${encodeURIComponent(thisPage)}`);
      else if (answer.status === 403) say("forbidden", thisPage); // banned, new terms, another session: the page says which
      else if (answer.status === 503) say("offline"); // the server is being worked on
      else say("unsaved");
    } catch { say("offline"); }
    saving = false;
    if (again) { again = false; save(); }
  };

  const conflict = (newer) => {
    torn = true;
    const template = form.querySelector("template[data-newer]");
    form.querySelector("section[data-newer]")?.remove();
    if (!template) return;
    const section = template.content.firstElementChild.cloneNode(true);
    section.dataset.newer = "";
    const text = section.querySelector("textarea");
    if (newer.text) text.value = newer.text; else text.remove();
    section.querySelector("[data-mine]").addEventListener("click", (event) => {
      event.preventDefault();
      field.value = newer.version;
      known = "";
      torn = false;
      section.remove();
      save();
    });
    section.querySelector("[data-theirs]").addEventListener("click", (event) => {
      event.preventDefault();
      left = true;
      here.forget();
      location.replace(location.href); // a reload would let some browsers fill in what was typed
    });
    template.before(section);
    section.querySelector("h2").focus();
    say("unsaved");
  };

  const fill = (fields) => {
    const values = new Map();
    for (const [name, value] of fields) values.set(name, [...(values.get(name) ?? []), value]);
    for (const each of form.elements) {
      if (!each.name || SERVICE.has(each.name)) continue;
      if (each.type === "radio" || each.type === "checkbox") each.checked = values.get(each.name)?.includes(each.value) ?? false;
      else if (each.tagName !== "BUTTON" && values.has(each.name)) each.value = values.get(each.name).shift() ?? "";
      each.dispatchEvent(new Event("input", { bubbles: true }));
    }
  };

  // A conversation goes on under the same name: what was sent is over when it is the last that was said there.
  const plain = (words) => words.replace(/\r\n/g, "\n").trim();
  const text = (draft) => draft.fields.find(([name]) => name === "text")?.[1] ?? "";
  const taken = (draft) => draft.sent && field.dataset.taken && plain(text(draft)) === plain(field.dataset.taken);

  // Another task is shown, so the server has taken what was sent before it, unless there was no connection.
  try {
    for (const each of Object.keys(localStorage)) {
      if (!each.startsWith("draft:") || each === key) continue;
      const draft = JSON.parse(localStorage.getItem(each));
      if (draft.sent === true || taken(draft)) localStorage.removeItem(each);
    }
  } catch { }

  // What this browser still holds was never taken by the server: it goes on from there.
  const kept = here.read();
  if (kept && (taken(kept) || JSON.stringify(kept.fields) === known)) here.forget();
  else if (kept && !refused) addEventListener("DOMContentLoaded", () => { // htmx listens by then, so the preview follows
    if (Number(field.value) > kept.version) {
      const theirs = { version: Number(field.value), text: document.getElementById("text")?.value ?? "" };
      fill(kept.fields);
      conflict(theirs);
    } else { fill(kept.fields); save(); }
  });

  if (refused) save();

  const soon = () => { clearTimeout(timer); timer = setTimeout(save, WAIT_MS); };
  form.addEventListener("input", soon);
  form.addEventListener("change", soon);
  form.addEventListener("draft", soon); // a script has moved something
  form.addEventListener("submit", () => { left = true; clearTimeout(timer); here.keep(true); });
  document.addEventListener("submit", (event) => {
    if (event.target.getAttribute("action") === "/signout") left = true; // site.js has forgotten all drafts here
  });
  addEventListener("pageshow", () => { left = false; });
  addEventListener("online", () => save());
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") save(true); });
}
