// Send: the sender takes the template, drops the filled workbook, sees its preview, sends it, and follows its receipts.

import { download, get, XLSX } from "./api.js";
import { field, h, say, select, tick } from "./dom.js";
import { coversCriterion, criterionName, known, reportedCriteria, reviewStages, unitChoices } from "./field.js";
import { granularity, periodName } from "./periods.js";
import { day, page, troubleBox } from "./plain.js";
import { Upload } from "./upload.js";
import { t } from "./words.js";

const [ALL, OTHER] = ["all", "other"];

let upload = null;
let asked = null;

/** Chooses the period, and where it is known the unit, with which this part opens the next time. */
export function preselect(period, unit = null) {
  asked = { period, unit };
}

/** This part of the page; a chosen file stays while the sender looks at another part, or changes the language. */
export function show(root) {
  if (upload?.owner !== known.me) upload = new Upload(known.me);
  const result = h("section", { class: "result", hidden: true });
  const zone = dropZone();
  const over = (isOver) => (event) => {
    event.preventDefault();
    zone.classList.toggle("over", isOver);
  };
  const drop = (event) => {
    over(false)(event);
    upload.take(event.dataTransfer.files[0]);
  };
  const send = h("section", { class: "card" }, h("h2", {}, h("span", { class: "step" }, "2"), t("send_title")), h("p", { class: "hint" }, t("send_hint")), zone);
  // anywhere: a sender who has mended a fault that is shown below need not scroll up to the zone
  root.append(h("div", { ondragover: over(true), ondragleave: over(false), ondrop: drop }, h("div", { class: "two" }, takeCard(), send), result));
  upload.showIn(result);
  return () => upload.leave();
}

/** Every period for which a report is due that the person fills in, the newest first. */
function periods() {
  const found = new Map();
  for (const report of known.catalogue.reports) {
    const criteria = reportedCriteria(report);
    for (const { period, opens, due } of criteria.length ? report.periods : []) {
      if (opens > page.today) continue;
      const one = found.get(period) ?? { period, due, criteria: new Set() };
      criteria.forEach((key) => one.criteria.add(key));
      found.set(period, one);
    }
  }
  return [...found.values()].sort((a, b) => b.due.localeCompare(a.due) || a.period.localeCompare(b.period));
}

function takeCard() {
  const calendar = periods();
  const named = calendar.find((one) => one.period === asked?.period);
  const next = named ?? calendar.findLast((one) => one.due >= page.today) ?? calendar[0];
  const unit = select(unitChoices(), asked?.unit ?? null);
  asked = null;
  const period = select(
    [...calendar.map((one) => [one.period, t("period_due", periodName(one.period), day(one.due))]), [OTHER, t("period_other")]],
    next?.period ?? OTHER,
    () => {
      isChosen = true;
      draw();
    },
  );
  let isChosen = Boolean(named);
  const written = h("input", { type: "text", maxlength: 60, placeholder: t("period_example"), autocomplete: "off" });
  const other = field(t("period_written"), written);
  const stages = ["reported", ...reviewStages()];
  const stage = select(stages.map((one) => [one, t(`stage_${one}`)]), "reported");
  const criteria = h("fieldset", { class: "criteria" });
  const trouble = h("div");

  function draw() {
    const isOther = period.value === OTHER;
    other.hidden = !isOther;
    const kind = isOther ? null : granularity(period.value);
    const reported = known.catalogue.elements.filter((element) => kind === null || element.periods.includes(kind));
    const offered = known.catalogue.criteria.filter(({ key }) => coversCriterion(key) && reported.some((element) => element.criteria.includes(key)));
    const due = calendar.find((one) => one.period === period.value)?.criteria ?? new Set(offered.map(({ key }) => key));
    const sorted = [...offered.filter(({ key }) => due.has(key)), ...offered.filter(({ key }) => !due.has(key))];
    const all = tick(t("criteria_all"), sorted.every(({ key }) => due.has(key)), (event) => boxes().forEach((box) => (box.checked = event.target.checked)), { value: ALL });
    criteria.replaceChildren(h("legend", {}, t("criteria")), sorted.length > 1 ? all : "", ...sorted.map(({ key }) => tick(criterionName(key), due.has(key), mark, { value: key })));
  }

  /** Opens with a period for which something is missing, unless the sender has chosen one: overdue ones, the newest first. */
  async function offerMissing() {
    const { items } = await get("/v1/reports-due");
    const owed = items.filter((one) => one.missing.length && one.criteria.some(({ key }) => coversCriterion(key)));
    const missing = calendar.filter((one) => owed.some(({ period }) => period === one.period));
    const first = missing.find((one) => one === next) ?? missing.find((one) => one.due < page.today) ?? missing.at(-1);
    if (!first || isChosen) return;
    period.value = first.period;
    draw();
  }

  const boxes = () => [...criteria.querySelectorAll(`input:not([value="${ALL}"])`)];
  const mark = () => {
    const all = criteria.querySelector(`input[value="${ALL}"]`);
    if (all) all.checked = boxes().every((box) => box.checked);
  };

  async function take(event) {
    event.preventDefault();
    trouble.replaceChildren();
    const chosen = boxes().filter((box) => box.checked).map((box) => box.value);
    if (!chosen.length) return trouble.replaceChildren(h("p", { class: "box bad", role: "alert" }, t("criteria_none")));
    const wanted = chosen.length === boxes().length ? ALL : chosen.join(",");
    try {
      const query = { unit: unit.value, period: period.value === OTHER ? written.value : period.value, stage: stage.value };
      await download("GET", `/v1/templates/${wanted}.xlsx`, { query });
      say(t("template_taken"));
    } catch (found) {
      trouble.replaceChildren(troubleBox(found, () => take(event)));
    }
  }

  draw();
  if (!isChosen) offerMissing().catch(() => {}); // the sender chooses the period as well where it cannot be told
  return h("form", { class: "card", onsubmit: take },
    h("h2", {}, h("span", { class: "step" }, "1"), t("take_title")),
    h("p", { class: "hint" }, t("take_hint")),
    field(t("unit"), unit), field(t("period"), period), other, stages.length > 1 && field(t("stage"), stage, t("enter_stage_hint")), criteria, trouble,
    h("button", { class: "main" }, t("take")));
}

function dropZone() {
  const input = h("input", { type: "file", accept: `.xlsx,.xltx,.csv,${XLSX},text/csv`, class: "unseen", id: "file" });
  input.addEventListener("change", () => {
    upload.take(input.files[0]);
    input.value = ""; // so that the same file, corrected, can be chosen again
  });
  return h("label", { class: "drop", for: "file" },
    input, h("span", { class: "drop-title" }, t("drop_title")), h("span", { class: "button" }, t("drop_choose")), h("span", { class: "hint" }, t("drop_hint")));
}
