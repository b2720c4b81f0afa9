// "Try another figure": what the verdicts of a commune would be if other figures came in. Nothing of it is stored.

import { post } from "./api.js";
import { field, h, say, select } from "./dom.js";
import { periodName } from "./periods.js";
import { text, troubleBox } from "./plain.js";
import { number } from "./values.js";
import { becomes, status } from "./verdicts.js";
import { t } from "./words.js";

const STRONGEST = { stage: "confirmed", revision: 1000 }; // so that no figure that is there outranks it

/** The form for a criterion of the commune, closed at first; null where nothing is counted for it. */
export function tryFigures(view, one) {
  const elements = view.elements.filter((element) => element.criteria.includes(one.criterion.key));
  if (!elements.length) return null;
  const inputs = elements.map((element) => inputFor(element, one, view.as_of));
  const shown = h("div", { role: "status" });

  async function ask(event) {
    event.preventDefault();
    const wrong = inputs.filter((input) => !input.check());
    if (wrong.length) {
      shown.replaceChildren();
      wrong[0].control.focus();
      return;
    }
    const submissions = [...new Set(inputs.map((input) => input.period))].map((period) => ({
      unit: view.unit.code, period, ...STRONGEST,
      readings: Object.fromEntries(inputs.filter((input) => input.period === period).map((input) => [input.code, input.value])),
    }));
    try {
      shown.replaceChildren(answer(await post("/v1/what-if", { submissions, unchanged: true }), view, one));
    } catch (trouble) {
      shown.replaceChildren();
      if (!tellAtFields(trouble, submissions, inputs)) shown.replaceChildren(troubleBox(trouble));
    }
  }

  return h("details", { class: "try", "data-of": one.criterion.key }, h("summary", {}, t("try_figures")),
    h("form", { onsubmit: ask, novalidate: true }, h("p", { class: "hint" }, t("try_hint")),
      h("div", { class: "filters" }, inputs.map((input) => input.field)), h("button", {}, t("try_ask"))),
    shown);
}

function inputFor(element, one, today) {
  const parts = one.assessment?.parts ?? [];
  const reading = parts.flatMap((part) => part.readings).find((each) => each.element === element.code);
  const period = reading?.period ?? parts.find((part) => part.period)?.period ?? lastMonth(today);
  const isYesNo = element.type === "yes_no";
  const control = isYesNo
    ? select([["1", t("yes")], ["0", t("no")]], reading ? String(reading.value) : "1")
    : h("input", { type: "number", required: true, min: element.minimum, max: element.maximum, step: element.type === "count" ? 1 : "any", inputmode: "decimal", value: reading ? String(reading.value) : "" });
  const fault = h("p", { class: "box bad", hidden: true });
  const shown = field(text(element.name), control, `${isYesNo ? "" : `${text(element.unit)}, `}${periodName(period)}`);
  fault.id = `${control.id}-fault`;
  control.setAttribute("aria-describedby", `${control.id}-hint ${fault.id}`);
  shown.append(fault);
  const tell = (words) => {
    fault.hidden = !words;
    fault.replaceChildren(words ?? "");
    control.setAttribute("aria-invalid", Boolean(words));
  };
  const bounds = t(element.type === "count" ? "whole_between" : "number_between", number(element.minimum), number(element.maximum));
  return {
    code: element.code, period, control, field: shown, tell,
    get value() {
      return Number(control.value);
    },
    /** Says beside the field what is wrong with it, and whether it is right. */
    check() {
      const isRight = control.checkValidity();
      tell(isRight ? null : bounds);
      return isRight;
    },
  };
}

/** The month before a day's: it is over, so that its figures count on that day. */
function lastMonth(today) {
  const [year, month] = today.split("-").map(Number);
  return month === 1 ? `${year - 1}-12` : `${year}-${String(month - 1).padStart(2, "0")}`;
}

/** Shows each fault beside the field that it is about; false where one is about none. */
function tellAtFields(trouble, submissions, inputs) {
  const errors = trouble.document?.errors ?? [];
  const placed = errors.map(({ pointer, detail }) => {
    const [, number, code] = /^\/submissions\/(\d+)\/readings\/(\w+)/.exec(pointer) ?? [];
    return [inputs.find((input) => input.code === code && input.period === submissions[number]?.period), detail];
  });
  if (!placed.length || placed.some(([input]) => !input)) return false;
  placed.forEach(([input, detail]) => input.tell(detail));
  placed[0][0].control.focus();
  return true;
}

function answer(found, view, one) {
  if (found.plan_stands && !found.statuses.length) return h("p", { class: "box warn" }, text(found.plan_stands));
  const own = (each) => each.unit.code === view.unit.code;
  const here = found.statuses.find((each) => own(each) && each.criterion.key === one.criterion.key);
  const others = found.statuses.filter((each) => each !== here && each.before?.status !== each.after?.status);
  const turns = ({ before, after }) =>
    before?.status === after?.status
      ? [t("stays"), " ", status(after.status)]
      : becomes(before ? status(before.status) : t("not_judged"), after ? status(after.status) : t("not_judged"));
  const made = h("div", { class: "box" },
    here ? h("p", {}, turns(here)) : h("p", {}, t("nothing_changes")),
    here?.after && h("p", { class: "words" }, text(here.after.reason)),
    others.length > 0 && [h("p", {}, t("changes_too")), h("ul", {}, others.map((each) => h("li", {}, !own(each) && `${each.unit.name}: `, `${text(each.criterion.name)} `, turns(each))))],
    h("p", { class: "hint" }, t("nothing_stored")));
  say(made.textContent);
  return made;
}
