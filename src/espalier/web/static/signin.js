// The page of the code: another letter may be sent after a while, and the button says when.
"use strict";
{
  const form = document.querySelector("form[data-wait]");
  const button = form.querySelector("button");
  const words = button.textContent;
  document.getElementById("wait")?.remove(); // it names the seconds of when the page was made
  let left = Number(form.dataset.wait);
  const tick = () => {
    button.disabled = left > 0;
    button.textContent = left > 0 ? form.dataset.words.replace("{seconds}", left) : words;
    if (left-- > 0) setTimeout(tick, 1000);
  };
  tick();
}
