// Chat: keeps the end in view while a reply grows, says when it begins and ends, copies, and stops by a key.
// Replies themselves are fetched by htmx, rendered on the server.
"use strict";
{
  const said = document.getElementById("said");
  const lost = document.getElementById("lost");
  const stop = () => document.querySelector("[data-stop]");
  window.espalierKeys?.on({
    submit: () => { const button = document.querySelector("[data-key=submit]"); button?.form.requestSubmit(button); },
    stop: () => { const button = stop(); button?.form.requestSubmit(button); },
  });
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
    const like = document.querySelector("[data-copy-text]");
    if (!like) return;
    for (const pre of part.querySelectorAll(".words pre")) {
      if (pre.closest("[data-state=running]") || pre.parentElement.previousElementSibling?.matches(".copy-code")) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button quiet copy-code";
      button.dataset.done = like.dataset.done;
      button.textContent = like.textContent;
      button.addEventListener("click", () => copied(button, pre.textContent));
      pre.parentElement.before(button);
    }
  };
  dress(document);
  // An address that names a message takes the focus from the editor; the eye still goes to the message.
  addEventListener("load", () => setTimeout(() => {
    if (location.hash) document.querySelector("#edited, #say #text")?.focus({ preventScroll: true });
  }));

  const atEnd = () => innerHeight + scrollY >= document.documentElement.scrollHeight - 80;
  // What was waited for when the page came, and what became of a reply that was stopped: said once the page is there.
  addEventListener("load", () => setTimeout(() => {
    const last = [...document.querySelectorAll("#talk .reply, #sides .reply")].at(-1);
    if (last?.dataset.state === "running" && last.querySelector(".words")) said.textContent = said.dataset.begins;
    if (last?.dataset.state === "stopped" && location.hash === "#end") said.textContent = told(last);
  }, 300));
  // How far a reply is, in the words of the page.
  const told = (reply) => reply.querySelector(":scope > p")?.textContent ?? "";
  let follows = false, hadWords = false;
  document.addEventListener("htmx:beforeSwap", (event) => {
    follows = atEnd();
    hadWords = event.target.querySelector?.(".words") !== null;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const now = document.getElementById(event.target.id) ?? event.target;
    const state = now.dataset?.state;
    if (!state) return;
    const words = now.querySelector(".words");
    if (words && !hadWords) said.textContent = said.dataset.begins;
    if (state === "complete") said.textContent = `${said.dataset.ends} ${words?.textContent ?? ""}`;
    else if (state !== "waiting" && state !== "running") said.textContent = told(now);
    dress(now); // behind what was said: a button is no word of the reply
    if (follows) scrollTo(0, document.documentElement.scrollHeight);
    // Side by side: the vote is on the page as soon as both have ended.
    if (document.getElementById("sides") && !document.querySelector("[data-state=waiting], [data-state=running]")) location.reload();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful) lost.hidden = true;
  });
  for (const name of ["htmx:sendError", "htmx:responseError"])
    document.addEventListener(name, () => {
      if (lost.hidden) said.textContent = said.dataset.lost;
      lost.hidden = false;
    });
}
