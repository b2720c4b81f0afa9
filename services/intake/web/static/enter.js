// Enter: a report of the calendar as a form. Its sender types figures, sees what they would do, and sends them.

import { get } from "./api.js";
import { field, h, select } from "./dom.js";
import { known, reportedCriteria, reviewStages, unitChoices } from "./field.js";
import { FilledForm } from "./filled_form.js";
import { entryFor, forget, kept } from "./kept.js";
import { keptBox } from "./kept_box.js";
import { periodName } from "./periods.js";
import { day, page, text, troubleBox } from "./plain.js";
import { t } from "./words.js";

let asked = null;

/** Chooses the report, its period and the unit with which this part opens the next time. */
export function preselect(report, period, unit) {
  asked = { report, period, unit };
}

export function show(root) {
  const place = h("div");
  const result = h("section", { class: "result", hidden: true });
  const choosers = h("div", { class: "filters" });
  let form = null;

  async function choose() {
    const chosen = asked ?? (await firstOwed().catch(() => null)) ?? {};
    draw(chosen);
  }

  function draw({ report, period, unit, stage }) {
    const reports = known.catalogue.reports.filter((one) => reportedCriteria(one).length && open(one).length);
    if (!reports.length) return place.replaceChildren(h("p", { class: "card" }, t("enter_nothing")));
    const of = reports.find((one) => one.id === report) ?? reports[0];
    const again = (changed) => draw({ report: of.id, period: controls.period.value, unit: controls.unit.value, stage: controls.stage?.value, ...changed });
    const stages = reviewStages();
    const controls = {
      report: select(reports.map((one) => [one.id, text(one.name)]), of.id, (event) => again({ report: event.target.value })),
      period: select(open(of).map((one) => [one.period, t("period_due", periodName(one.period), day(one.due))]), period ?? open(of)[0].period, () => again({})),
      unit: select(unitChoices(), unit, () => again({})),
      stage: stages.length ? select(["reported", ...stages].map((one) => [one, t(`stage_${one}`)]), stage ?? "reported", () => again({})) : null,
    };
    choosers.replaceChildren(
      field(t("enter_report"), controls.report), field(t("period"), controls.period), field(t("unit"), controls.unit),
      ...(controls.stage ? [field(t("stage"), controls.stage, t("enter_stage_hint"))] : []));
    fill({ report: of.id, period: controls.period.value, unit: controls.unit.value, stage: controls.stage?.value ?? "reported" });
  }

  /** Opens the form as it was kept, with what intake says now; without the network, as it was kept alone. */
  async function fill(chosen) {
    form?.leave();
    form = null;
    result.hidden = true;
    place.replaceChildren(h("section", { class: "card" }, h("p", {}, t("loading")))); // nobody types into another form
    asked = chosen; // it is open again after a look at another part, or in the other language
    const entry = entryFor(chosen);
    const turn = (fill.turn = {});
    const { form: fresh, trouble } = await get(`/v1/forms/${chosen.report}`, { unit: chosen.unit, period: chosen.period }).then(
      (found) => ({ form: found }), (found) => ({ trouble: found }));
    if (turn !== fill.turn) return;
    if (trouble && !(trouble.passes && entry.form)) return place.replaceChildren(troubleBox(trouble, () => fill(chosen)));
    entry.form = fresh ?? entry.form;
    form = new FilledForm(entry, result);
    place.replaceChildren(form.fields.element);
    form.begin();
    waiting.draw();
  }

  const waiting = keptBox({ isShown: (entry) => entry.state !== "draft" || !form?.isOf(entry), open: draw, drop: (entry) => (forget(entry), form?.isOf(entry) && fill(entry)) });
  const sync = () => form?.sync();
  const sent = ({ detail }) => form?.isOf(detail.entry) && form.accepted(detail.items);
  kept.addEventListener("change", sync);
  kept.addEventListener("sent", sent);
  root.append(waiting.element,
    h("section", { class: "card" }, h("h2", {}, t("enter_title")), h("p", { class: "hint" }, t("enter_hint"), " ", h("a", { href: "#send" }, t("enter_by_workbook"))), choosers),
    place, result);
  choose();
  return () => {
    kept.removeEventListener("change", sync);
    kept.removeEventListener("sent", sent);
    waiting.leave();
    form?.leave();
  };
}

/** The periods of a report that can be reported, the newest first. */
const open = (report) => report.periods.filter(({ opens }) => opens <= page.today).reverse();

/** The first report that is due and not complete. */
async function firstOwed() {
  const { items } = await get("/v1/reports-due");
  const mine = new Set(known.catalogue.reports.filter((one) => reportedCriteria(one).length).map(({ id }) => id));
  const owed = items.find((one) => one.missing.length && mine.has(one.report));
  return owed && { report: owed.report, period: owed.period, unit: owed.district?.code };
}
