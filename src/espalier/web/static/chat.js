// Chat: shows replies as they grow, keeps the end in view, says when one begins and ends, copies, and stops by a key.
"use strict";
{
  const talk = document.getElementById("talk");
  const said = document.getElementById("said");
  const lost = document.getElementById("lost");
  const stop = () => document.querySelector("[data-stop]");
  window.espalierKeys?.on({
    submit: () => { const button = document.querySelector("[data-key=submit]"); button?.form.requestSubmit(button); },
    stop: () => { const button = stop(); button?.form.requestSubmit(button); },
  });
  // Of replies side by side one is taken by its letter; the buttons come when all have ended.
  if (document.getElementById("sides")) {
    for (const act of ["take_a", "take_b", "take_c", "tie", "both_bad", "skipped"]) {
      window.espalierKeys?.on({ [act]: () => document.querySelector(`#chat-below [data-key=${act}]`)?.click() });
    }
  }
  const copied = async (button, text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch { return; }
    const words = button.textContent;
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = words; }, 2000);
  };
  // A piece of code gets a button where its text can be copied.
  const dress = (part) => {
    if (!navigator.clipboard) return;
    for (const button of part.querySelectorAll("[data-copy-text][hidden]")) {
      button.hidden = false;
      button.addEventListener("click", () => copied(button, button.dataset.copyText));
    }
    const like = document.querySelector("[data-copy-word]")?.dataset;
    for (const pre of part.querySelectorAll(".words pre")) {
      if (pre.closest("[data-state=running]") || pre.parentElement.previousElementSibling?.matches(".copy-code")) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button quiet copy-code";
      button.dataset.done = like.done;
      button.textContent = like.copyWord;
      button.addEventListener("click", () => copied(button, pre.textContent));
      pre.parentElement.before(button);
    }
  };
  dress(document);
  // Another reply is written by the model, and in the manner, that the page shows as chosen.
  document.addEventListener("formdata", ({ target, formData }) => {
    const chosen = document.getElementById("say");
    if (!("asChosen" in target.dataset) || chosen?.tagName !== "FORM") return;
    for (const [name, value] of new FormData(chosen)) if (!formData.has(name)) formData.append(name, value);
  });
  // An address that names a message takes the focus from the editor; the eye still goes to the message.
  addEventListener("load", () => setTimeout(() => {
    if (location.hash) document.querySelector("#edited, #say #text")?.focus({ preventScroll: true });
  }));

  const isOpen = (reply) => ["waiting", "running"].includes(reply.dataset.state);
  // How far a reply is, in the words of the page.
  const told = (reply) => reply.querySelector(":scope > p")?.textContent ?? "";
  // What has become of a reply, for who does not see it.
  const say = (reply) => {
    const words = reply.querySelector(".words")?.cloneNode(true);
    words?.querySelectorAll(".copy-code").forEach((button) => button.remove());
    const letter = reply.closest("#sides") ? `${reply.querySelector("header").textContent}: ` : "";
    said.textContent = reply.dataset.state === "complete" ? `${said.dataset.ends} ${letter}${words?.textContent ?? ""}` : told(reply);
  };
  // What had become of it while the page came, to which sending or stopping led: said once the page is there.
  const led = performance.getEntriesByType("navigation")[0]?.type === "navigate";
  addEventListener("load", () => setTimeout(() => {
    const last = [...document.querySelectorAll("#talk .reply, #sides .reply")].at(-1);
    if (!last || said.textContent) return;
    if (isOpen(last)) said.textContent = last.querySelector(".words") ? said.dataset.begins : told(last);
    else if (led && "fresh" in last.dataset) say(last);
  }, 300));

  // Only what differs is put in anew: what somebody reads, or has selected, stays.
  const become = (old, next) => {
    if (old.nodeType !== Node.ELEMENT_NODE || old.nodeName !== next.nodeName) return old.replaceWith(next);
    for (const name of old.getAttributeNames()) if (!next.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of [...next.attributes]) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    const parts = [...next.childNodes];
    parts.forEach((part, place) => {
      const there = old.childNodes[place];
      if (!there) old.append(part);
      else if (!there.isEqualNode(part)) become(there, part);
    });
    while (old.childNodes.length > parts.length) old.lastChild.remove();
  };
  const show = (id, html) => {
    const reply = document.getElementById(id);
    if (!reply) return;
    const template = document.createElement("template");
    template.innerHTML = html;
    const [next, ...others] = template.content.children;
    const follows = innerHeight + scrollY >= document.documentElement.scrollHeight - 80;
    const hadWords = reply.querySelector(".words") !== null;
    become(reply, next);
    for (const other of others) {
      const old = document.getElementById(other.id);
      const held = old?.contains(document.activeElement);
      old?.replaceWith(other);
      if (held) other.querySelector("button")?.focus();
    }
    if (!hadWords && reply.querySelector(".words")) said.textContent = said.dataset.begins;
    if (!isOpen(reply)) say(reply);
    dress(reply);
    if (follows) scrollTo(0, document.documentElement.scrollHeight);
  };

  // One stream for all that is being written. It is cut off now and then, by the server or on the way, and then taken
  // up again; while nobody sees the page there is none.
  const SIGN_MS = 15000, AGAIN_MS = 2000;
  let stream = null, timer = 0, doubtful = false;
  const end = () => { stream?.close(); stream = null; clearTimeout(timer); };
  const alive = () => { doubtful = false; lost.hidden = true; watch(SIGN_MS); };
  const away = () => { if (lost.hidden) said.textContent = said.dataset.lost; lost.hidden = false; };
  const watch = (ms) => {
    clearTimeout(timer);
    timer = setTimeout(() => { away(); follow(); }, ms);
  };
  const follow = () => {
    end();
    const open = [...document.querySelectorAll(".reply")].filter(isOpen);
    if (!open.length || document.hidden) return;
    const has = {}; // of each reply, what came last
    stream = new EventSource(`${talk.dataset.stream}?${open.map((reply) => `reply=${reply.id}`).join("&")}`);
    watch(doubtful ? AGAIN_MS : SIGN_MS);
    stream.addEventListener("open", alive);
    stream.addEventListener("reply", (event) => {
      const { id, keep, more } = JSON.parse(event.data);
      has[id] = (has[id] ?? "").slice(0, keep) + more;
      alive();
      show(id, has[id]);
    });
    stream.addEventListener("end", end);
    stream.addEventListener("error", () => {
      if (doubtful) return;
      doubtful = true;
      watch(AGAIN_MS);
    });
  };
  if (talk && said) {
    follow();
    document.addEventListener("visibilitychange", follow);
    addEventListener("online", follow);
    addEventListener("offline", () => { if (stream) away(); });
    addEventListener("pagehide", end);
    addEventListener("pageshow", (event) => { if (event.persisted) follow(); });
  }
}
