// The preview of a file: what intake asks, what has to be changed, what the figures would change. Nothing is sent yet.

import { badge, field, h, say, table, tick } from "./dom.js";
import { criterionName, elementName, figure, known, unitName } from "./field.js";
import { periodName } from "./periods.js";
import { day, text, troubleBox } from "./plain.js";
import { CORRECTION, isAnswered, isConfirmation, isQuestion } from "./questions.js";
import { becomes, status } from "./verdicts.js";
import { t } from "./words.js";

const ROOM = matchMedia("(min-width: 46.01rem)"); // as in page.css
const COMMUNES = ["commune", "ward", "town"];
const [SENDERS_NAMED, FEW] = [3, 5];

export function preview(upload, found) {
  say(summary(found));
  const trouble = h("div");
  const faults = found.faults.filter((one) => !isQuestion(one));
  const warnings = found.warnings.filter((one) => !isAnswered(one));
  return h("div", { class: "card" },
    h("h2", { tabindex: "-1" }, h("span", { class: "step" }, "3"), t("preview_title", upload.name)),
    found.periods.length && h("p", { class: "period" }, t("periods_are", found.periods.map(periodName).join(", "))),
    correction(upload, found), confirmation(upload, found), period(upload, found),
    standing(upload, found, faults),
    mend(upload, faults, trouble),
    section(t("warnings_title"), warnings.length && remarks(t("warnings_title"), warnings)),
    section(t("statuses_title"), statuses(found)),
    section(t("changes_title"), changes(upload, found)),
    passedOver(found.passed_over),
    h("div", { class: "sticky" }, trouble, found.acceptable && sendButton(upload, found, trouble)));
}

const summary = (found) => t("summary", found.rows, found.changes.length, found.faults.filter((one) => !isQuestion(one)).length, found.warnings.length);
const section = (title, content) => (content ? h("section", {}, h("h3", {}, title), content) : null);
const cell = (one) => (one.cell ? [h("b", {}, one.cell), one.sheet && h("span", { class: "hint sheet" }, ` ${one.sheet}`)] : t("whole_file"));
const place = (one) => h("b", { class: "place" }, `${one.name} (${one.unit})`);

/** Whether it can be sent: red is for what has to be changed, a question has to be answered. */
function standing(upload, found, faults) {
  const kind = upload.isForm ? "_form" : "";
  if (found.acceptable) return h("p", { class: "box good" }, h("b", {}, t(`acceptable${kind}`)), " ", summary(found));
  if (!faults.length) return h("p", { class: "box warn" }, h("b", {}, t("to_be_answered")));
  return h("p", { class: "box bad" }, h("b", {}, t(`not_acceptable${kind}`)), " ", summary(found));
}

/** Where figures stand already: whether these correct them, old and new side by side. */
function correction(upload, found) {
  const { correct = false } = upload.choices;
  const asked = new Set(found.faults.filter((one) => one.code === CORRECTION).map(at));
  if (!asked.size && !correct) return null;
  const corrected = found.changes.filter((one) => one.old?.period === one.period && (correct || asked.has(at(one))));
  const units = [...new Set(corrected.map((one) => one.unit))];
  const senders = [...new Set(corrected.map(({ old }) => (old.received_at ? t("sent_on_by", day(old.received_at), old.agency) : t("sent_by_whom", old.agency))))];
  const named = [...senders.slice(0, SENDERS_NAMED), ...(senders.length > SENDERS_NAMED ? ["…"] : [])].join("; ");
  const isOfCommunes = units.every((code) => COMMUNES.includes(known.units.get(code)?.kind));
  return h("section", { class: "box warn" },
    h("h3", {}, t(isOfCommunes ? "correction_question" : "correction_question_units", units.length, named)),
    changeTable(upload, t("old_new"), corrected, found.periods),
    tick(t("correct"), correct, (event) => upload.choose({ correct: event.target.checked })));
}

/** Where a figure is far from the one before, or nothing is counted: whether it is right. */
function confirmation(upload, found) {
  const { confirmed = false } = upload.choices;
  const asked = [...found.faults.filter(isConfirmation), ...(confirmed ? found.warnings.filter(isAnswered) : [])];
  if (!asked.length && !confirmed) return null;
  const changed = new Map(found.changes.map((one) => [at(one), one]));
  const question = (one) => {
    const change = changed.get(at(one));
    if (!change) return one.detail;
    const [old, now] = [change.old?.value, change.new];
    const unit = text(known.elements.get(one.element).unit);
    const where = `${elementName(one.element)}, ${change.name}`;
    if (now === 0 || typeof old !== "number") return t("is_it", where, figure(now), unit);
    return t(now > old ? "has_it_grown" : "has_it_shrunk", where, figure(old), figure(now), unit);
  };
  return h("section", { class: "box warn" },
    h("h3", {}, t("confirmation_question")),
    h("ul", {}, asked.map((one) => h("li", {}, question(one)))),
    tick(t("confirmed"), confirmed, (event) => upload.choose({ confirmed: event.target.checked })));
}

/** The figure to which a remark or a change belongs. */
const at = (one) => [one.sheet, one.cell, one.unit, one.element].join(" ");

function period(upload, found) {
  const { period: chosen = "" } = upload.choices;
  if (!chosen && !found.faults.some(({ code }) => code === "no_period")) return null;
  const input = h("input", { type: "text", maxlength: 60, value: chosen, placeholder: t("period_example") });
  const look = (event) => {
    event.preventDefault();
    upload.choose({ period: input.value });
  };
  return h("div", { class: "box warn" }, h("form", { onsubmit: look }, field(t("period_of_file"), input), h("button", {}, t("check_again"))));
}

const remarks = (caption, list) => table(caption, [t("cell"), t("unit"), t("element"), t("found"), t("what_to_do")],
  list.map((one) => [cell(one), one.unit ? h("b", { class: "place" }, unitName(one.unit)) : "–", one.element ? elementName(one.element) : "–", one.value ?? "–", one.detail]));

function mend(upload, faults, trouble) {
  if (!faults.length) return null;
  const marked = () => upload.marked().catch((problem) => trouble.replaceChildren(troubleBox(problem, marked)));
  return section(t("faults_title"), [
    remarks(t("faults_title"), faults),
    !upload.isForm && h("p", {}, h("button", { type: "button", onclick: marked }, t("take_marked")), " ", h("span", { class: "hint" }, t("take_marked_hint")))]);
}

function sendButton(upload, found, trouble) {
  const button = h("button", { type: "button", class: "main", onclick: send }, t("send", found.rows));
  async function send() {
    button.disabled = true;
    trouble.replaceChildren();
    try {
      await upload.send();
    } catch (problem) {
      button.disabled = false;
      trouble.replaceChildren(troubleBox(problem, send));
      trouble.firstChild.focus();
    }
  }
  return h("p", { class: "actions" }, button);
}

/** What does not change is folded, and so are reasons on a phone. */
function statuses(found) {
  if (found.statuses === null) return h("p", { class: "box warn" }, t("statuses_unknown"));
  if (!found.statuses.length) return null;
  const [moved, stays] = parted(found.statuses, (one) => one.before !== one.after);
  const verdict = (one) => (one.before === one.after ? [status(one.after), " ", badge(t("unchanged"), "plain")] : becomes(status(one.before), status(one.after)));
  const reason = (one) => h("details", { open: ROOM.matches }, h("summary", {}, t("reason")), one.reason);
  const shown = (list) => compact(table(t("statuses_title"), [t("unit"), t("criterion"), t("status"), t("reason")],
    list.map((one, number) => [named(list, number), criterionName(one.criterion), verdict(one), reason(one)])));
  return [moved.length ? shown(moved) : h("p", {}, t("statuses_stay")), folded("statuses_unchanged", stays, shown)];
}

/** The figures that are new or differ from those before; those of the box above, and equal ones, are not told again. */
function changes(upload, found) {
  if (!found.changes.length) return found.acceptable && h("p", { class: "hint" }, t("no_changes"));
  const isCorrected = (one) => one.old?.period === one.period && (upload.choices.correct || found.faults.some((fault) => fault.code === CORRECTION && at(fault) === at(one)));
  const [moved, stays] = parted(found.changes.filter((one) => !isCorrected(one)), (one) => one.old?.value !== one.new);
  const shown = (list) => changeTable(upload, t("changes_title"), list, found.periods);
  if (!moved.length && !stays.length) return null;
  return [moved.length > 0 && shown(moved), folded("changes_same", stays, shown)];
}

function changeTable(upload, caption, list, periods) {
  const old = (one) => one.old
    ? [h("s", {}, figure(one.old.value)), one.old.period !== one.period && h("span", { class: "hint" }, ` ${periodName(one.old.period)}`)]
    : h("span", { class: "hint" }, t("none_before"));
  const columns = [
    [t("unit"), (one, number) => named(list, number)],
    [t("element"), (one) => elementName(one.element)],
    [t("old_new"), (one) => becomes(old(one), h("b", {}, figure(one.new)))],
    periods.length > 1 && [t("period_short"), (one) => periodName(one.period)],
    !upload.isForm && [t("cell"), (one) => h("span", { class: "hint" }, one.cell ?? "–")]].filter(Boolean);
  return compact(table(caption, columns.map(([header]) => header), list.map((one, number) => columns.map(([, content]) => content(one, number)))));
}

/** The unit of a row, where it is not that of the row before. */
const named = (list, number) => (list[number - 1]?.unit === list[number].unit ? "" : place(list[number]));

const compact = (content) => h("div", { class: "compact" }, content);
const parted = (list, holds) => [list.filter(holds), list.filter((one) => !holds(one))];
const folded = (word, list, shown) => list.length > 0 && h("details", {}, h("summary", {}, t(word, list.length)), shown(list));

const passedOver = (parts) => parts.length > 0 && h("details", { open: parts.length <= FEW },
  h("summary", {}, `${t("passed_over_title")}: ${parts.length}`),
  h("ul", {}, parts.map((part) => h("li", {}, part.cell && [h("b", {}, part.cell), ": "], part.detail, part.cell && h("span", { class: "hint" }, ` (${part.sheet})`)))));
