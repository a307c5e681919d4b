// Ranking: replies are moved by their grip, by buttons and by keys; ties; and the number fields, which are what is
// sent, are kept in step. The reply that moves stays where it is in the document and the others move around it, so
// that it keeps focus and pointer.
"use strict";
{
  const list = document.querySelector("[data-ranking]");
  const form = list.closest("form");
  const said = form.querySelector("[data-said]");
  const asking = form.querySelector("[data-asking]");
  const joined = new Intl.ListFormat(list.lang, { type: "conjunction" });
  const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  // One entry a reply, best first. `equal`: as good as the one before it.
  let order = [...list.children].map((item) => {
    const field = item.querySelector("input[type=number]");
    return { item, field, name: item.dataset.reply, card: item.querySelector(".ranked") };
  });
  // As the number fields say: when the page opens, and when a draft is put back into them.
  const read = () => {
    for (const reply of order) reply.place = Number(reply.field.value) || order.length + 1;
    order.sort((one, other) => one.place - other.place);
    order.forEach((reply, index) => { reply.equal = index > 0 && reply.place === order[index - 1].place; });
  };
  read();
  let chosen = order[0];
  const touched = form.elements.namedItem("touched");

  for (const part of form.querySelectorAll("[data-with-script]")) part.hidden = false;
  for (const part of form.querySelectorAll("[data-without-script]")) part.hidden = true;

  const show = () => {
    order.forEach((reply, index) => {
      if (!reply.equal) reply.place = index + 1;
      else reply.place = order[index - 1].place;
      reply.field.value = reply.place;
      reply.item.querySelector("[data-place]").textContent = reply.place;
      const between = reply.item.querySelector(".between");
      between.hidden = index === 0;
      if (index > 0) {
        const values = { name: reply.name, above: order[index - 1].name };
        between.setAttribute("aria-pressed", reply.equal);
        between.textContent = reply.equal ? list.dataset.tie : list.dataset.noTie;
        between.setAttribute("aria-label", filled(reply.equal ? list.dataset.tieName : list.dataset.noTieName, values));
      }
      reply.item.querySelector("[data-move='-1']").setAttribute("aria-disabled", index === 0 && !order[1]?.equal);
      reply.item.querySelector("[data-move='1']").setAttribute("aria-disabled", index === order.length - 1 && !reply.equal);
    });
  };
  const arrange = (stays) => {
    let after = false;
    for (const reply of order) {
      if (reply === stays) after = true;
      else if (after) list.append(reply.item);
      else list.insertBefore(reply.item, stays.item);
    }
    show();
  };
  const announce = (reply) => {
    const others = order.filter((other) => other !== reply && other.place === reply.place).map((other) => other.name);
    const lowest = order.at(-1).place;
    const where = reply.place === 1 ? "first" : reply.place === lowest ? "last" : "at";
    said.textContent = filled(list.dataset[others.length ? `${where}Equal` : where],
      { name: reply.name, place: reply.place, count: order.length, others: joined.format(others) });
  };
  const change = () => {
    touched.value = "yes";
    asking.hidden = true;
    form.dispatchEvent(new Event("input", { bubbles: true }));
  };

  // The others without a reply: who was equal across it stays equal.
  const without = (reply) => order.flatMap((other, index) => {
    if (other === reply) return [];
    const before = order[index - 1];
    const equal = other.equal && (before !== reply || reply.equal);
    return [{ reply: other, equal }];
  });
  // A reply put among others; between two equal ones it is equal with both.
  const put = (reply, rest, index) => restore(rest.toSpliced(index, 0, { reply, equal: Boolean(rest[index]?.equal) }));
  const restore = (places) => { order = places.map(({ reply, equal }) => Object.assign(reply, { equal })); };
  const move = (reply, by) => {
    const rest = without(reply);
    const start = order.findIndex((other) => other.place === reply.place);
    const end = order.findLastIndex((other) => other.place === reply.place);
    const tied = end > start;
    // Out of a tie at once; else one place on.
    const target = tied ? (by < 0 ? start : end) : start + by;
    if (target < 0 || target > rest.length) return;
    put(reply, rest, target);
    arrange(reply);
    change();
    announce(reply);
    reply.item.scrollIntoView({ block: "nearest" });
  };
  const toggle = (reply) => {
    if (reply === order[0]) return;
    reply.equal = !reply.equal;
    show();
    change();
    announce(reply);
  };
  const of = (element) => order.find((reply) => reply.item.contains(element));

  list.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const reply = button && of(button);
    if (!reply) return;
    if (button.dataset.move) move(reply, Number(button.dataset.move));
    if (button.matches(".between")) toggle(reply);
    if ("showAll" in button.dataset) unfold(reply);
  });
  // Once all fields are filled again, not after each.
  list.addEventListener("input", () => queueMicrotask(() => { read(); arrange(order[0]); }));
  list.addEventListener("focusin", (event) => { chosen = of(event.target) ?? chosen; });

  // Keys.
  const step = (by) => {
    const inside = list.contains(document.activeElement);
    const next = order[order.indexOf(chosen) + (inside ? by : 0)];
    if (!next) return;
    next.card.focus({ preventScroll: true });
    next.item.scrollIntoView({ block: "nearest" });
  };
  const carry = (by) => {
    if (!list.contains(document.activeElement)) chosen.card.focus({ preventScroll: true });
    move(chosen, by);
  };
  window.espalierKeys.on({
    following: () => step(1),
    preceding: () => step(-1),
    up: () => carry(-1),
    down: () => carry(1),
    equal: () => toggle(chosen),
    drop: () => drop(false),
  });

  // Dragging, by the grip only, so that everywhere else a finger scrolls.
  let held = null;
  const follow = () => {
    if (!held) return;
    const edge = 110;
    const speed = held.y < edge ? held.y - edge : Math.max(0, held.y - (window.innerHeight - edge));
    if (speed) window.scrollBy(0, speed / 4);
    const middle = (reply) => {
      const box = reply.card.getBoundingClientRect();
      return box.top + box.height / 2;
    };
    let index = order.indexOf(held.reply);
    while (index > 0 && held.y < middle(order[index - 1])) index -= 1;
    if (index === order.indexOf(held.reply))
      while (index < order.length - 1 && held.y > middle(order[index + 1])) index += 1;
    if (index !== order.indexOf(held.reply)) {
      put(held.reply, held.rest, index);
      arrange(held.reply);
    }
    held.frame = requestAnimationFrame(follow);
  };
  const drop = (kept) => {
    if (!held) return;
    const { reply, before, frame } = held;
    cancelAnimationFrame(frame);
    reply.card.classList.remove("held");
    held = null;
    if (!kept) {
      restore(before);
      arrange(reply);
    } else if (before.some(({ reply: each, equal }, index) => order[index] !== each || each.equal !== equal)) {
      change();
      announce(reply);
    }
  };
  list.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest(".grip");
    if (!grip || event.button !== 0 || held) return;
    event.preventDefault();
    grip.setPointerCapture(event.pointerId);
    const reply = of(grip);
    const before = order.map((each) => ({ reply: each, equal: each.equal }));
    held = { reply, before, rest: without(reply), pointer: event.pointerId, y: event.clientY };
    chosen = reply;
    reply.card.classList.add("held");
    held.frame = requestAnimationFrame(follow);
  });
  document.addEventListener("pointermove", (event) => { if (event.pointerId === held?.pointer) held.y = event.clientY; });
  document.addEventListener("pointerup", (event) => { if (event.pointerId === held?.pointer) drop(true); });
  document.addEventListener("pointercancel", (event) => { if (event.pointerId === held?.pointer) drop(false); });

  // Long replies are folded until somebody wants all of them.
  const words = (reply) => reply.item.querySelector(".words");
  const unfold = (reply) => {
    words(reply).classList.remove("fold");
    reply.item.querySelector("[data-show-all]").hidden = true;
    reply.card.focus({ preventScroll: true });
  };
  for (const reply of order) {
    const text = words(reply);
    if (text.getBoundingClientRect().height > 40.5 * parseFloat(getComputedStyle(text).lineHeight)) {
      text.classList.add("fold");
      reply.item.querySelector("[data-show-all]").hidden = false;
    }
    text.addEventListener("focusin", () => { if (text.classList.contains("fold")) unfold(reply); });
  }

  // What is asked once, in place, before an order goes out.
  let asked = false;
  // Before whoever else listens: an order that is asked about was not sent.
  document.addEventListener("submit", (event) => {
    if (event.target !== form) return;
    const by = event.submitter;
    if (by?.name === "do" || by?.name === "confirmed" || by?.hasAttribute("formaction")) return;
    const folded = order.filter((reply) => words(reply).classList.contains("fold")).map((reply) => reply.name);
    if (touched.value && (asked || !folded.length)) return;
    event.preventDefault();
    event.stopPropagation();
    asked = true;
    const ask = asking.querySelector("[data-ask-folded]");
    asking.querySelector("[data-ask-order]").hidden = Boolean(touched.value);
    ask.hidden = !folded.length;
    ask.textContent = filled(folded.length > 1 ? list.dataset.foldedMany : list.dataset.foldedOne,
      { names: joined.format(folded.sort()) });
    asking.hidden = false;
    asking.querySelector("button").focus();
  }, { capture: true });

  arrange(order[0]);
}
