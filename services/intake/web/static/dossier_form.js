// The form by which an office takes the step of a dossier that is its turn, or returns the dossier.

import { newRequest } from "./api.js";
import { field, h, select, tick } from "./dom.js";
import { coversCriterion } from "./field.js";
import { page, text, troubleBox } from "./plain.js";
import { t } from "./words.js";

const WORDS_LIMIT = 4000;
const ASSESSMENTS = ["self_assessed", "verified", "appraised"];
const DECISIONS = ["decided", "withdrawn"];

/** `take(content, request)` posts a step and shows the dossier as it is then. */
export function stepForm(one, take) {
  const step = one.open_step;
  const trouble = h("div");
  const person = h("input", { type: "text", maxlength: 200, autocomplete: "name" });
  const parts = one.may_take.includes(step) ? contentOf(one, step) : null;
  const reason = h("textarea", { rows: 2, maxlength: WORDS_LIMIT });
  let [request, sent] = [newRequest(), null];

  async function send(content) {
    trouble.replaceChildren();
    const whole = { open_step: step, person: person.value.trim() || null, ...content };
    if (sent !== null && sent !== JSON.stringify(whole)) request = newRequest();
    sent = JSON.stringify(whole);
    try {
      await take(whole, request);
    } catch (problem) {
      trouble.replaceChildren(troubleBox(problem, () => send(content)));
      trouble.firstChild.focus();
    }
  }

  const submit = (event) => {
    event.preventDefault();
    send({ step, ...parts.content() });
  };
  const giveBack = () => {
    if (!reason.value.trim()) {
      trouble.replaceChildren(h("p", { class: "box bad", role: "alert" }, t("reason_missing")));
      return reason.focus();
    }
    send({ step: "returned", reason: reason.value });
  };
  return h("form", { class: "decide", onsubmit: submit },
    h("h4", {}, t("your_turn"), ": ", t(`step_${step}`)),
    h("div", { class: "filters" }, field(t("person"), person, t("person_hint"))),
    parts && [parts.elements, h("p", { class: "actions" }, h("button", { class: "main" }, t(`take_${step}`)))],
    one.may_take.includes("returned") && [field(t("return_reason"), reason), h("p", { class: "actions" }, h("button", { type: "button", class: "danger", onclick: giveBack }, t("dossier_return")))],
    trouble);
}

/** The fields of a step, and what they say. */
function contentOf(one, step) {
  if (ASSESSMENTS.includes(step)) return answersOf(one, step);
  if (DECISIONS.includes(step)) {
    const number = h("input", { type: "text", maxlength: 200, required: true, placeholder: "2145/QĐ-UBND", autocomplete: "off" });
    const date = h("input", { type: "date", required: true, max: page.today, value: page.today });
    return { elements: h("div", { class: "filters" }, field(t("decision_number"), number), field(t("decision_date"), date)), content: () => ({ number: number.value, date: date.value }) };
  }
  if (step !== "withdrawal_due") return { elements: [], content: () => ({}) };
  const reason = h("textarea", { rows: 2, maxlength: WORDS_LIMIT });
  return { elements: field(t("withdrawal_reason"), reason, t("withdrawal_reason_hint")), content: () => ({ reason: reason.value.trim() || null }) };
}

/** A line for each criterion that the person covers and that has no yes yet. */
function answersOf(one, step) {
  const open = one.criteria.filter(({ criterion, answers }) => coversCriterion(criterion) && !answers[step]?.yes);
  const lines = open.map((criterion) => {
    const name = `${criterion.criterion.replace(/^.*-/, "")}. ${text(criterion.name)}`;
    const isAgainst = criterion.judged?.judged === "not_met";
    const said = select([["", t("not_answered")], ["yes", t("answer_yes")], ["no", t("answer_no")]], "");
    const note = h("input", { type: "text", maxlength: WORDS_LIMIT, autocomplete: "off", placeholder: t("note"), "aria-label": t("note_of", name) });
    said.setAttribute("aria-label", name);
    const row = h("div", { class: "answer" }, h("span", {}, name, isAgainst && [h("br"), h("span", { class: "hint" }, t("needs_reason"))]), said, note);
    return { criterion: criterion.criterion, said, note, row };
  });
  const all = tick(t("all_yes"), false, (event) => lines.forEach((line) => (line.said.value = event.target.checked ? "yes" : "")));
  const content = () => ({
    answers: lines.filter((line) => line.said.value).map((line) => ({ criterion: line.criterion, yes: line.said.value === "yes", note: line.note.value.trim() || null })),
  });
  return { elements: h("fieldset", { class: "answers" }, h("legend", {}, t("criteria")), lines.length > 1 && all, lines.map((line) => line.row)), content };
}
