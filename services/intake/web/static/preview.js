// The preview of a file: faults at their cells, figures old and new, statuses before and after. Nothing is sent yet.

import { badge, field, h, say, table, tick } from "./dom.js";
import { criterionName, elementName, figure, unitName } from "./field.js";
import { periodName } from "./periods.js";
import { troubleBox } from "./plain.js";
import { becomes, status } from "./verdicts.js";
import { t } from "./words.js";

export function preview(upload, found) {
  say(summary(found));
  const trouble = h("div");
  return h("div", { class: "card" },
    h("h2", { tabindex: "-1" }, h("span", { class: "step" }, "3"), t("preview_title", upload.name)),
    found.periods.length && h("p", { class: "period" }, t("periods_are", found.periods.map(periodName).join(", "))),
    h("p", { class: found.acceptable ? "box good" : "box bad" }, h("b", {}, t((found.acceptable ? "acceptable" : "not_acceptable") + (upload.isForm ? "_form" : ""), found.faults.length)), " ", summary(found)),
    faults(upload, found, trouble), choices(upload, found),
    section(t("warnings_title"), found.warnings.length && remarks(t("warnings_title"), found.warnings)),
    section(t("passed_over_title"), found.passed_over.length && h("ul", {}, found.passed_over.map((part) => h("li", {}, part.cell && [h("b", {}, part.cell), ": "], part.detail, part.cell && h("span", { class: "hint" }, ` (${part.sheet})`))))),
    section(t("statuses_title"), statuses(found)),
    section(t("changes_title"), changes(found)),
    h("div", { class: "sticky" }, trouble, found.acceptable && sendButton(upload, found, trouble)));
}

const summary = (found) => t("summary", found.rows, found.changes.length, found.faults.length, found.warnings.length);
const section = (title, content) => (content ? h("section", {}, h("h3", {}, title), content) : null);
const cell = (one) => (one.cell ? [h("b", {}, one.cell), one.sheet && h("span", { class: "hint sheet" }, ` ${one.sheet}`)] : t("whole_file"));
const place = (one) => h("b", { class: "place" }, `${one.name} (${one.unit})`);

const remarks = (caption, list) => table(caption, [t("cell"), t("unit"), t("element"), t("found"), t("what_to_do")],
  list.map((one) => [cell(one), one.unit ? h("b", { class: "place" }, unitName(one.unit)) : "–", one.element ? elementName(one.element) : "–", one.value ?? "–", one.detail]));

function faults(upload, found, trouble) {
  if (!found.faults.length) return null;
  const marked = () => upload.marked().catch((problem) => trouble.replaceChildren(troubleBox(problem, marked)));
  return section(t("faults_title"), [
    remarks(t("faults_title"), found.faults),
    !upload.isForm && h("p", {}, h("button", { type: "button", onclick: marked }, t("take_marked")), " ", h("span", { class: "hint" }, t("take_marked_hint")))]);
}

/** The choices of the sender, asked only where the file needs them. */
function choices(upload, found) {
  const codes = new Set(found.faults.map((fault) => fault.code));
  const { confirmed = false, correct = false, period = "" } = upload.choices;
  const asked = [
    (confirmed || codes.has("needs_confirmation") || codes.has("zero_needs_confirmation")) && tick(t("confirmed"), confirmed, (event) => upload.choose({ confirmed: event.target.checked })),
    (correct || codes.has("stands_already")) && tick(t("correct"), correct, (event) => upload.choose({ correct: event.target.checked })),
    (period || codes.has("no_period")) && periodField(upload)];
  return asked.some(Boolean) && h("div", { class: "box warn" }, asked);
}

function periodField(upload) {
  const input = h("input", { type: "text", maxlength: 60, value: upload.choices.period ?? "", placeholder: t("period_example") });
  const look = (event) => {
    event.preventDefault();
    upload.choose({ period: input.value });
  };
  return h("form", { onsubmit: look }, field(t("period_of_file"), input), h("button", {}, t("check_again")));
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

function statuses(found) {
  if (found.statuses === null) return h("p", { class: "box warn" }, t("statuses_unknown"));
  if (!found.statuses.length) return null;
  const moved = found.statuses.filter((one) => one.before !== one.after);
  const stays = found.statuses.filter((one) => one.before === one.after);
  const row = (one) => [
    place(one), criterionName(one.criterion),
    one.before === one.after ? [status(one.after), " ", badge(t("unchanged"), "plain")] : becomes(status(one.before), status(one.after)),
    one.reason];
  return table(t("statuses_title"), [t("unit"), t("criterion"), t("status"), t("reason")], [...moved, ...stays].map(row));
}

function changes(found) {
  if (!found.changes.length) return found.acceptable && h("p", { class: "hint" }, t("no_changes"));
  const old = (one) => one.old ? [h("s", {}, figure(one.old.value)), one.old.period !== one.period && h("span", { class: "hint" }, ` ${periodName(one.old.period)}`)] : h("span", { class: "hint" }, t("none_before"));
  return table(t("changes_title"), [t("unit"), t("element"), t("old_new"), t("period_short"), t("cell")],
    found.changes.map((one) => [place(one), elementName(one.element), becomes(old(one), h("b", {}, figure(one.new))), periodName(one.period), one.cell ?? "–"]));
}
