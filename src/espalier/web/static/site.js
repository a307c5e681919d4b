// What every page needs of the browser: forms that go out once, and a form token for what htmx sends.
"use strict";
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) event.preventDefault();
  else form.dataset.sent = "yes";
});
// Who signs out leaves no text behind in this browser.
document.addEventListener("submit", (event) => {
  if (event.target.getAttribute("action") !== "/signout") return;
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith("draft:")) localStorage.removeItem(key);
  } catch { } // storage may be forbidden
});
// The server knows only UTC; the browser knows where its reader is.
{
  const local = (time, style) => new Intl.DateTimeFormat(document.documentElement.lang, style).format(new Date(time.dateTime));
  const exactly = { year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "2-digit", timeZoneName: "short" };
  for (const time of document.querySelectorAll("time[data-clock]")) time.textContent = local(time, { timeStyle: "short" });
  for (const time of document.querySelectorAll("time[data-moment]")) time.textContent = local(time, exactly);
  for (const time of document.querySelectorAll("time[data-ago]")) time.title = local(time, exactly);
}
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
// Without a connection there is still a page that says so, with what was typed.
if (document.documentElement.dataset.worker)
  navigator.serviceWorker?.register(document.documentElement.dataset.worker, { scope: "/" }).catch(() => { });
