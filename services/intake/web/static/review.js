// Review: a district verifies the figures of its communes, the province confirms them, and both may return them.

import { get, post } from "./api.js";
import { badge, dialog, field, h, say, select, table, tick } from "./dom.js";
import { criterionName, elementName, figure, known, reviewStages, unitName } from "./field.js";
import { periodName } from "./periods.js";
import { text, troubleBox } from "./plain.js";
import { openReceipt, refresh, warnings } from "./receipts.js";
import { becomes, status, STATUSES } from "./verdicts.js";
import { withdrawal } from "./withdraw.js";
import { locale, t } from "./words.js";

const WORDS_LIMIT = 4000;
const RANK = { reported: 0, verified: 1, confirmed: 2 };
const TAKES = { reported: "verified", verified: "confirmed" };

export function show(root) {
  const stages = reviewStages();
  const awaiting = stages.map((stage) => (stage === "verified" ? ["reported", t("awaiting_verified")] : ["verified", t("awaiting_confirmed")]));
  const unit = select(known.me.units.filter(({ code }) => known.units.has(code)).map(({ code }) => [code, unitName(code)]), null, () => look());
  const stage = select(awaiting, awaiting.at(-1)[0], () => look());
  const more = h("div", { class: "filters" });
  const list = h("div", { "aria-live": "polite" });
  let [found, period, criterion, district] = [null, null, "", ""];
  let opened = new Set(); // doubtful ones that somebody has looked at
  let chosen = new Set();

  async function look() {
    const turn = (look.turn = {});
    list.replaceChildren(h("p", {}, t("loading"))); // nobody decides on what was shown before
    try {
      const answer = await get("/v1/reviews-due", { unit: unit.value, stage: stage.value, period });
      if (turn !== look.turn) return;
      [found, period] = [answer, null];
      opened = new Set();
      chosen = new Set(found.items.filter((one) => !isDoubtful(one)).map((one) => one.receipt.id));
      drawFilters();
      draw();
    } catch (trouble) {
      list.replaceChildren(troubleBox(trouble, look));
    }
  }

  function drawFilters() {
    const periods = select(found.periods.map((one) => [one.period, waitingIn(one)]), found.period, (event) => {
      period = event.target.value;
      look();
    });
    const criteria = [...new Set(found.items.flatMap(criteriaOf))].filter((key) => known.criteria.has(key));
    const districts = [...new Set(found.items.map(districtOf))].filter((code) => known.units.has(code));
    const chooser = (label, all, act) => (all.length > 1 ? field(label, select([["", t("review_all")], ...all], "", (event) => (act(event.target.value), draw()))) : "");
    [criterion, district] = ["", ""];
    more.replaceChildren(
      found.periods.length ? field(t("period"), periods) : "",
      chooser(t("criterion"), criteria.map((key) => [key, criterionName(key)]), (key) => (criterion = key)),
      chooser(t("review_district"), districts.map((code) => [code, unitName(code)]), (code) => (district = code)));
  }

  const shown = () => found.items.filter((one) => (!criterion || criteriaOf(one).includes(criterion)) && (!district || districtOf(one) === district));

  function draw() {
    const items = shown().sort((a, b) => isDoubtful(b) - isDoubtful(a) || unitName(a.receipt.unit).localeCompare(unitName(b.receipt.unit), "vi"));
    if (!items.length) return refresh(list, h("p", {}, t("review_none")));
    const of = items.filter((one) => chosen.has(one.receipt.id));
    const decision = TAKES[stage.value];
    const doubtful = items.filter((one) => isDoubtful(one) && !opened.has(one.receipt.id)).length;
    refresh(list,
      doubtful ? h("p", { class: "box warn" }, t("review_doubtful", doubtful)) : "",
      h("div", { class: "review" }, table(t("review_title"), [t("review_choose"), t("unit"), t("figures"), t("status"), t("review_look")], items.map(row))),
      h("p", { class: "actions" },
        of.length ? h("button", { type: "button", class: "main", "data-id": "all", onclick: () => takeAll(of, { decision }) }, t(`decide_${of.length === items.length ? "all" : "chosen"}_${decision}`, of.length)) : "",
        of.length ? h("button", { type: "button", class: "danger", "data-id": "return", onclick: () => returnAll(of) }, t("return_all", of.length)) : ""));
  }

  function row(one) {
    const { id, unit: code } = one.receipt;
    const mark = (event) => {
      if (event.target.checked) chosen.add(id);
      else chosen.delete(id);
      draw();
    };
    const choice = isDoubtful(one) && !opened.has(id)
      ? badge(t("review_open_first"), "warn")
      : tick("", chosen.has(id), mark, { "aria-label": unitName(code), "data-id": `choose ${id}` });
    return [
      choice, [h("b", { class: "place" }, unitName(code)), h("span", { class: "hint" }, one.agency_name ?? one.agency)], figures(one),
      [warnings(one.receipt.warnings), verdicts(one.changes), proofs(one)],
      h("button", { type: "button", class: "plain", "data-id": id, onclick: () => judge(one) }, t("review_one"))];
  }

  function judge(one) {
    const isFirst = isDoubtful(one) && !opened.has(one.receipt.id);
    openReceipt(one.receipt.id, (receipt, close) => {
      opened.add(one.receipt.id);
      if (isFirst) draw();
      return decisionForm(receipt, stages, () => {
        close();
        drop(one);
        draw();
      });
    });
  }

  /** Leaves out one that is decided: one fewer waits in its period. */
  function drop(one) {
    const left = found.items.filter((other) => other.receipt.id !== one.receipt.id);
    if (left.length === found.items.length) return; // another period is shown by now
    const own = found.periods.find((each) => each.period === found.period);
    found.items = left;
    own.waiting--;
    more.querySelector(`option[value="${own.period}"]`).textContent = waitingIn(own);
  }

  /** Decides on several, one after the other; those that intake refuses stay, with the reason. */
  async function takeAll(of, content) {
    const troubles = [];
    let taken = 0;
    for (const [number, one] of of.entries()) {
      say(t("review_progress", number + 1, of.length));
      try {
        await post(`/v1/submissions/${one.receipt.id}/review`, content);
        drop(one);
        taken++;
      } catch (trouble) {
        troubles.push([one, trouble]);
        if (trouble.passes) break;
      }
    }
    draw();
    say(t(`decided_${content.decision}`, taken));
    list.prepend(...troubles.map(([one, trouble]) => h("div", {}, h("b", {}, unitName(one.receipt.unit)), troubleBox(trouble))));
  }

  function returnAll(of) {
    const reason = h("textarea", { rows: 3, maxlength: WORDS_LIMIT });
    const trouble = h("div");
    dialog(t("return_all", of.length), (close) => h("div", {},
      h("ul", {}, of.map((one) => h("li", {}, unitName(one.receipt.unit)))),
      field(t("return_reason"), reason), trouble,
      h("p", { class: "actions" }, h("button", { type: "button", class: "danger", onclick: send }, t("decide_returned")), h("button", { type: "button", onclick: close }, t("close"))))
    );
    function send() {
      if (!reason.value.trim()) return needReason(trouble, reason);
      reason.closest("dialog").close();
      takeAll(of, { decision: "returned", reason: reason.value });
    }
  }

  root.append(h("section", { class: "card" },
    h("h2", {}, t("review_title")), h("p", { class: "hint" }, t("review_hint")),
    h("div", { class: "filters" }, known.me.units.length > 1 ? field(t("unit"), unit) : "", awaiting.length > 1 ? field(t("stage"), stage) : ""), more, list));
  look();
}

/** Whether somebody should look closer: there is a warning, a verdict has become worse, or it is not judged. */
const isDoubtful = (one) => one.receipt.warnings.length > 0 || one.status !== "scored" || one.changes.some(({ before, after }) => STATUSES.indexOf(after) < STATUSES.indexOf(before));

const waitingIn = ({ period, waiting }) => t("review_period", periodName(period), waiting);
const criteriaOf = (one) => one.figures.flatMap(({ element }) => known.elements.get(element)?.criteria ?? []);
const districtOf = (one) => known.units.get(one.receipt.unit)?.parent ?? "";

/** The figures that differ from those before, with the rate; the others folded. */
function figures(one) {
  const differs = ({ value, before }) => before?.value !== value;
  const line = ({ element, value, before }) => h("li", {},
    elementName(element), ": ", becomes(before ? h("s", {}, figure(before.value)) : h("span", { class: "hint" }, t("none_before")), h("b", {}, figure(value))), rate(before?.value, value));
  const [changed, same] = [one.figures.filter(differs), one.figures.filter((each) => !differs(each))];
  return h("div", {},
    changed.length > 0 && h("ul", { class: "changes" }, changed.map(line)),
    same.length > 0 && h("details", {}, h("summary", {}, t("changes_same", same.length)), h("ul", { class: "changes" }, same.map(line))));
}

function rate(before, value) {
  if (typeof before !== "number" || !before || before === value) return null;
  const share = new Intl.NumberFormat(locale(), { maximumFractionDigits: 1, signDisplay: "always" }).format((100 * (value - before)) / before);
  return h("span", { class: "hint" }, ` (${share}\u00a0%)`);
}

const verdicts = (changes) => (changes.length
  ? changes.map((one) => h("div", {}, criterionName(one.criterion), " ", becomes(status(one.before), status(one.after)), h("details", {}, h("summary", {}, t("reason")), text(one.reason))))
  : h("span", { class: "hint" }, t("unchanged")));

const proofs = ({ evidence }) => evidence.length > 0 && h("p", { class: "hint" }, t("evidence_count", evidence.length));

function needReason(trouble, reason) {
  trouble.replaceChildren(h("p", { class: "box bad", role: "alert" }, t("reason_missing")));
  reason.focus();
}

function decisionForm(found, stages, done) {
  const reason = h("textarea", { rows: 3, maxlength: WORDS_LIMIT });
  const trouble = h("div");

  async function decide(decision) {
    trouble.replaceChildren();
    if (decision === "returned" && !reason.value.trim()) return needReason(trouble, reason);
    try {
      await post(`/v1/submissions/${found.receipt.id}/review`, decision === "returned" ? { decision, reason: reason.value } : { decision });
      say(t(`decision_${decision}`));
      done();
    } catch (problem) {
      trouble.replaceChildren(troubleBox(problem, () => decide(decision)));
    }
  }

  const raise = stages.filter((stage) => RANK[stage] > RANK[found.stage]);
  return h("div", { class: "decide" },
    h("p", { class: "actions" }, raise.map((stage) => h("button", { type: "button", class: "main", onclick: () => decide(stage) }, t(`decide_${stage}`)))),
    field(t("return_reason"), reason), trouble,
    h("p", { class: "actions" }, h("button", { type: "button", class: "danger", onclick: () => decide("returned") }, t("decide_returned"))), withdrawal(found, done));
}
