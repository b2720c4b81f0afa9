// Dossiers: the steps by which a commune is recognised, what offices answer, and the form for whoever's turn it is.

import { get, post } from "./api.js";
import { badge, field, h, say, select, table } from "./dom.js";
import { stepForm } from "./dossier_form.js";
import { evidenceOfCommune } from "./evidence.js";
import { covers, known, unitName } from "./field.js";
import { day, may, moment, page, text, troubleBox } from "./plain.js";
import { t } from "./words.js";

const RECOGNITION = ["self_assessed", "verified", "appraised", "decided", "recognised"];
const ASSESSMENTS = RECOGNITION.slice(0, 3);
const TONES = { met: "good", not_met: "bad", no_data: "calm" };
let chosen = { unit: null, set: null };

/** Chooses the commune with whose dossier this part opens the next time. */
export function preselect(unit) {
  chosen = { unit, set: null };
}

export function show(root) {
  const communes = known.catalogue.units.filter((unit) => unit.kind === "commune" && covers(unit));
  const sets = [...new Set(known.catalogue.criteria.map(({ key }) => key.replace(/-\d+$/, "")))];
  const byDistrict = new Map();
  for (const unit of communes) byDistrict.set(unit.parent, [...(byDistrict.get(unit.parent) ?? []), [unit.code, unitName(unit.code)]]);
  const unit = select([...byDistrict].map(([parent, choices]) => [unitName(parent), choices]), chosen.unit, () => look());
  const set = select(sets.map((id) => [id, setName(id)]), chosen.set ?? "ntm", () => look());
  const waiting = h("div");
  const dossier = h("div", { "aria-live": "polite" });

  async function list() {
    try {
      const { items } = await get("/v1/dossiers");
      const open = items.filter((one) => one.turns.length).sort((a, b) => (due(a) ?? "9").localeCompare(due(b) ?? "9"));
      waiting.replaceChildren(open.length ? waitingTable(open, choose) : h("p", {}, t("dossiers_none")));
    } catch (trouble) {
      waiting.replaceChildren(troubleBox(trouble, list));
    }
  }

  async function look() {
    chosen = { unit: unit.value, set: set.value };
    dossier.replaceChildren(h("p", {}, t("loading")));
    try {
      draw(await get(`/v1/dossiers/${unit.value}/${set.value}`));
    } catch (trouble) {
      dossier.replaceChildren(troubleBox(trouble, look));
    }
  }

  function draw(one) {
    dossier.replaceChildren(card(one, async (content, request) => {
      const changed = await post(`/v1/dossiers/${one.unit.code}/${one.criteria_set}`, content, { "Idempotency-Key": request });
      draw(changed);
      say(t("dossier_taken"));
      list();
    }));
  }

  function choose(one) {
    unit.value = one.unit.code;
    set.value = one.criteria_set;
    look();
    dossier.scrollIntoView({ block: "start" });
  }

  root.append(
    h("section", { class: "card" }, h("h2", {}, t("dossiers_title")), h("p", { class: "hint" }, t("dossiers_hint")), waiting),
    h("section", { class: "card" }, h("div", { class: "filters" }, field(t("commune"), unit), field(t("criteria_set"), set)), dossier));
  list();
  if (communes.length) look();
}

const setName = (id) => (["ntm", "advanced"].includes(id) ? t(`set_${id}`) : id);
const stepName = (step) => t(`step_${step}`);
const due = (one) => one.turns.map((turn) => turn.due).filter(Boolean).sort()[0];
const isLate = (date) => Boolean(date) && date < page.today;

function waitingTable(items, choose) {
  return table(t("dossiers_title"), [t("commune"), t("criteria_set"), t("waits_for"), t("due"), ""], items.map((one) => [
    unitName(one.unit.code),
    setName(one.criteria_set),
    stepName(one.turns[0].step),
    due(one) ? [day(due(one)), isLate(due(one)) && [" ", badge(t("overdue"), "bad")]] : "–",
    h("button", { type: "button", onclick: () => choose(one) }, t("dossier_open")),
  ]));
}

function card(one, take) {
  return h("div", { class: "dossier" },
    h("h3", {}, unitName(one.unit.code), " · ", text(one.name)),
    progress(one),
    turns(one),
    judgement(one),
    criteriaTable(one),
    evidenceOfCommune(one.unit.code, one.criteria_set),
    one.may_take.length && may("POST /v1/dossiers/{commune}/{set}") ? stepForm(one, take) : h("p", { class: "hint" }, t("not_your_turn")),
    history(one.steps));
}

/** The steps to a recognition: taken, expected now, or still to come. */
function progress(one) {
  const isPast = ["recognised", "withdrawal_due", "withdrawn"].includes(one.state);
  const at = one.state === null || one.state === "withdrawn" ? -1 : isPast ? RECOGNITION.length - 1 : RECOGNITION.indexOf(one.state);
  const steps = RECOGNITION.map((step, place) => {
    const tone = place <= at ? "good" : place === at + 1 && one.turns.length ? "warn" : "calm";
    return h("li", { "aria-current": step === one.open_step && "step" }, badge(`${place + 1}. ${stepName(step)}`, tone));
  });
  const later = ["withdrawal_due", "withdrawn"].includes(one.state) && h("li", {}, badge(stepName(one.state), "bad"));
  return h("ol", { class: "chain" }, steps, later);
}

function turns(one) {
  if (!one.turns.length) return h("p", {}, one.state === null ? t("dossier_not_begun") : t(`state_of_${one.state}`));
  return h("ul", { class: "turns" }, one.turns.map((turn) => {
    const lead = turn.sector && one.criteria.find((criterion) => turn.criteria.includes(criterion.criterion));
    return h("li", {}, t("waits_for"), ": ", h("b", {}, stepName(turn.step)), lead && ` · ${text(lead.lead)}`,
      turn.due && [" · ", t("due"), " ", day(turn.due), ` (${t("working_days", turn.working_days)})`, isLate(turn.due) && [" ", badge(t("overdue"), "bad")]]);
  }));
}

function judgement(one) {
  if (!one.recognition) return h("p", { class: "box warn" }, t("judgement_away"));
  return h("p", { class: one.recognition.withdrawal_due ? "box bad" : "hint" }, text(one.recognition.reason));
}

function criteriaTable(one) {
  const headers = [t("criterion"), t("by_the_figures"), ...ASSESSMENTS.map(stepName)];
  return table(t("criteria"), headers, one.criteria.map((criterion) => [
    h("span", {}, `${criterion.criterion.replace(/^.*-/, "")}. ${text(criterion.name)}`),
    criterion.judged ? h("div", {}, badge(t(`judged_${criterion.judged.judged}`), TONES[criterion.judged.judged]), criterion.judged.judged === "not_met" && h("p", { class: "hint" }, text(criterion.judged.reason))) : "–",
    ...ASSESSMENTS.map((step) => answer(criterion.answers[step])),
  ]));
}

/** An answer; a yes against the figures stands out. */
function answer(given) {
  if (!given) return "–";
  const isAgainst = given.yes && given.judged === "not_met";
  return h("div", {}, badge(t(given.yes ? "answer_yes" : "answer_no"), given.yes ? (isAgainst ? "warn" : "good") : "bad"),
    isAgainst && [" ", h("b", {}, t("against_the_figures"))], given.note && h("p", { class: "words" }, given.note));
}

function history(steps) {
  if (!steps.length) return null;
  return h("div", {}, h("h4", {}, t("dossier_history")), h("ul", { class: "history" }, [...steps].reverse().map((step) =>
    h("li", {},
      h("b", {}, stepName(step.step)), step.returned_from && ` (${stepName(step.returned_from)} → ${stepName(step.returned_to)})`,
      !step.completes && ` (${t("in_part", step.answers.length)})`,
      " · ", [step.person, step.agency_name ?? step.agency].filter(Boolean).join(", "), " · ", moment(step.at),
      step.number && ` · ${t("decision_number")} ${step.number}, ${day(step.date)}`,
      step.due && step.due < step.at.slice(0, 10) && [" ", badge(t("late"), "bad")],
      step.reason && h("blockquote", { class: "words" }, step.reason)))));
}
