// A link that copies its own address; where the browser cannot, it stays a link.
"use strict";
for (const link of document.querySelectorAll("a[data-copies]")) {
  const status = document.createElement("span");
  status.setAttribute("role", "status");
  link.after(" ", status);
  link.addEventListener("click", async (event) => {
    if (!navigator.clipboard || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    try {
      await navigator.clipboard.writeText(link.href);
    } catch {
      location.href = link.href;
      return;
    }
    status.textContent = link.dataset.done;
    setTimeout(() => status.replaceChildren(), 4000);
  });
}
