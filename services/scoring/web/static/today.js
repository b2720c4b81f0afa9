// What should be done first today: of each kind of thing the worst one, then the next ones, until there are a few.

import { h } from "./dom.js";
import { t } from "./words.js";

const SHOWN = 5;

/** Draws what should be done first. `kinds`: lists, the worst first, of `{words, about, card, key}`: what to do, how
 * things stand, the card that says more, and where a line of it is meant its key. */
export function drawToday(place, kinds) {
  const ranks = Math.max(0, ...kinds.map((kind) => kind.length));
  const things = Array.from({ length: ranks }, (_, rank) => kinds.flatMap((kind) => kind[rank] ?? [])).flat().slice(0, SHOWN);
  place.replaceChildren(
    h("h3", {}, t("today_title")),
    things.length ? h("ol", {}, things.map(item)) : h("p", {}, t("today_nothing")));
}

function item({ words, about, card, key }) {
  const lead = (event) => {
    event.preventDefault(); // the address names the part that is shown
    show(card, key);
  };
  return h("li", {}, h("a", { href: "#overview", onclick: lead }, words), about && h("span", { class: "hint" }, ` ${about}`));
}

/** Brings a card into view, with the line of this key open, and gives it the focus. */
function show(card, key) {
  const line = [...card.querySelectorAll("details")].find((one) => one.dataset.key === key);
  if (line) line.open = true;
  const target = line?.querySelector("summary") ?? card.querySelector("h3");
  if (!line) target.tabIndex = -1;
  target.scrollIntoView({ block: line ? "center" : "start" });
  target.focus({ preventScroll: true });
}
