// A review: answers are cleared in place, "none of these" excludes the rest, and number keys choose.
"use strict";
{
  const form = document.querySelector("form[data-judging]");
  const questions = [...form.querySelectorAll("[data-question]")];
  const choicesOf = (question) => [...question.querySelectorAll("[data-choice]")];
  const answered = (question) => choicesOf(question).some((choice) => choice.checked);
  const focusOn = (question) => {
    const choices = choicesOf(question);
    (choices.find((choice) => choice.checked) ?? choices[0]).focus();
    question.scrollIntoView({ block: "nearest" });
  };
  // The question that keys speak to: the one with the focus, else the first without an answer.
  const current = () => document.activeElement.closest("[data-question]")
    ?? questions.find((question) => !answered(question)) ?? questions[0];
  const clear = (question) => {
    for (const choice of choicesOf(question)) choice.checked = false;
    form.dispatchEvent(new Event("input", { bubbles: true }));
  };

  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=clear]");
    if (!button) return;
    event.preventDefault();
    const question = button.closest("[data-question]");
    clear(question);
    focusOn(question);
  });
  form.addEventListener("change", ({ target }) => {
    if (target.name !== "flags" || !target.checked) return;
    for (const other of form.elements.namedItem("flags"))
      if (other !== target && (other.value === "none" || target.value === "none")) other.checked = false;
  });
  // Enter on a choice would send a half-done review.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input") && !event.ctrlKey && !event.metaKey) event.preventDefault();
  });

  const step = (by) => {
    const inside = document.activeElement.closest("[data-question]");
    const next = inside ? questions.indexOf(inside) + by : questions.indexOf(current());
    if (questions[next]) focusOn(questions[next]);
  };
  const choose = (key) => {
    const question = current();
    const choice = choicesOf(question).find((each) => each.dataset.choice === key);
    if (!choice) return;
    choice.click();
    choice.focus();
    if (!("flags" in question.dataset)) step(1);
  };
  window.espalierKeys.on({
    following: () => step(1),
    preceding: () => step(-1),
    choose: (event) => choose(event.key),
    clear: () => clear(current()),
  });
}
