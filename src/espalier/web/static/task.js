// Every task page: the eye and the screen reader begin at its heading, and Ctrl+Enter submits.
"use strict";
{
  const heading = document.getElementById("task");
  // Not where the form came back with a fault: that announces itself.
  if (heading && !document.querySelector("[role=alert], [autofocus]")) heading.focus({ preventScroll: true });
  const button = document.querySelector("[data-key=submit]");
  if (button) window.espalierKeys.on({ submit: () => button.form.requestSubmit(button) });
}
