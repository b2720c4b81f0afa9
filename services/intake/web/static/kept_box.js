// What is kept on this device: it waits for the network, was refused, or is not finished.

import { badge, h } from "./dom.js";
import { known, unitName } from "./field.js";
import { entries, kept } from "./kept.js";
import { periodName } from "./periods.js";
import { text, troubleBox } from "./plain.js";
import { t } from "./words.js";

const TONES = { waiting: "warn", refused: "bad", draft: "plain" };

/** A box that follows what is kept; `open` shows an entry, `drop` throws it away, `isShown` leaves out the open draft. */
export function keptBox({ isShown, open, drop }) {
  const element = h("div");
  let shown = null;

  function item(entry) {
    const name = known.catalogue.reports.find(({ id }) => id === entry.report)?.name ?? entry.form.name;
    const words = `${text(name)}, ${periodName(entry.period)}, ${unitName(entry.unit)}`;
    const ask = () => confirm(t("kept_drop_question", words)) && drop(entry);
    return h("li", {},
      h("p", {}, badge(t(`kept_${entry.state}`), TONES[entry.state]), " ", words),
      entry.state === "refused" && entry.problem && troubleBox({ document: withoutCells(entry.problem) }),
      h("p", {},
        h("button", { type: "button", class: "plain", onclick: () => open(entry) }, t("kept_open")),
        h("button", { type: "button", class: "plain", onclick: ask }, t("kept_drop"))));
  }

  function draw() {
    const all = entries().filter(isShown);
    const found = JSON.stringify(all.map((one) => [one.report, one.period, one.unit, one.stage, one.state]));
    if (found === shown) return;
    shown = found;
    element.replaceChildren(all.length ? h("section", { class: "card" }, h("h2", {}, t("kept_title")), h("ul", { class: "dues" }, all.map(item))) : "");
  }

  draw();
  kept.addEventListener("change", draw);
  addEventListener("storage", draw); // another page of this browser
  return { element, draw, leave: () => (kept.removeEventListener("change", draw), removeEventListener("storage", draw)) };
}

/** The problem without the cells of the file, which its sender has never seen. */
const withoutCells = (problem) => ({ ...problem, errors: problem.errors?.map(({ detail }) => ({ detail })) });
