// A tree of links: one of them takes part in the order of the Tab key, arrow keys move between them, and what hangs on
// a message can be folded. Every link works without this.
"use strict";
{
  const mirrored = getComputedStyle(document.documentElement).direction === "rtl";

  const roving = (links) => {
    for (const [place, link] of links.entries()) link.setAttribute("tabindex", place ? "-1" : "0");
    return (link) => {
      if (!link) return;
      for (const each of links) each.setAttribute("tabindex", each === link ? "0" : "-1");
      link.focus();
    };
  };

  const drawing = document.querySelector("svg[data-tree]");
  if (drawing) {
    const links = [...drawing.querySelectorAll("a[data-knot]")];
    const go = roving(links);
    const centre = (link) => link.querySelector("circle").cx.baseVal.value;
    const height = (link) => link.querySelector("circle").cy.baseVal.value;
    const shown = (link) => !link.parentElement.hasAttribute("hidden");
    const above = (link) => links.filter((each) => each.dataset.parent === link.dataset.knot);
    const parent = (link) => links.find((each) => each.dataset.knot === link.dataset.parent);
    const beside = (link, step) => {
      const level = links.filter((each) => shown(each) && height(each) === height(link));
      level.sort((one, other) => centre(one) - centre(other));
      return level[level.indexOf(link) + step];
    };
    const hide = (link, hidden) => {
      for (const each of above(link)) {
        for (const part of [each.parentElement, drawing.querySelector(`[data-branch="${CSS.escape(each.dataset.knot)}"]`)]) {
          part.toggleAttribute("hidden", hidden);
        }
        hide(each, hidden || each.getAttribute("aria-expanded") === "false");
      }
    };
    for (const link of links) if (above(link).length) link.setAttribute("aria-expanded", "true");
    const fold = (link) => {
      if (!above(link).length) return;
      const open = link.getAttribute("aria-expanded") === "true";
      link.setAttribute("aria-expanded", String(!open));
      hide(link, open);
    };
    drawing.addEventListener("keydown", (event) => {
      const link = event.target.closest("a[data-knot]");
      if (!link || event.ctrlKey || event.metaKey || event.altKey) return;
      const moves = {
        ArrowUp: () => go(above(link).find(shown)),
        ArrowDown: () => go(parent(link)),
        ArrowLeft: () => go(beside(link, -1)),
        ArrowRight: () => go(beside(link, 1)),
        Home: () => go(links[0]),
        " ": () => fold(link),
      };
      if (!moves[event.key]) return;
      event.preventDefault();
      moves[event.key]();
    });
  }

  const outline = document.querySelector("ul[data-tree]");
  if (outline) {
    const links = [...outline.querySelectorAll("a[data-knot]")];
    const go = roving(links);
    const seen = () => links.filter((link) => link.offsetParent !== null);
    const details = (link) => link.parentElement.querySelector(":scope > details");
    const inner = (link) => {
      const below = details(link);
      if (!below) return;
      if (below.open) go(below.querySelector("a[data-knot]"));
      else below.open = true;
    };
    const outer = (link) => {
      const below = details(link);
      if (below?.open) below.open = false;
      else go(link.closest("details")?.parentElement.querySelector("a[data-knot]"));
    };
    outline.addEventListener("keydown", (event) => {
      const link = event.target.closest("a[data-knot]");
      if (!link || event.ctrlKey || event.metaKey || event.altKey) return;
      const visible = seen();
      const moves = {
        ArrowUp: () => go(visible[visible.indexOf(link) - 1]),
        ArrowDown: () => go(visible[visible.indexOf(link) + 1]),
        [mirrored ? "ArrowRight" : "ArrowLeft"]: () => outer(link),
        [mirrored ? "ArrowLeft" : "ArrowRight"]: () => inner(link),
        Home: () => go(visible[0]),
        End: () => go(visible.at(-1)),
      };
      if (!moves[event.key]) return;
      event.preventDefault();
      moves[event.key]();
    });
  }
}
