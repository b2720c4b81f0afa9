// The overview: how the plan stands, the worst first; what has changed in a week; who is late with reports.

import { get, WATCHING } from "./api.js";
import { linkTo } from "./commune.js";
import { h, table } from "./dom.js";
import { bar, sparkline } from "./drawing.js";
import { follow } from "./live.js";
import { periodName } from "./periods.js";
import { day, page, text } from "./plain.js";
import { drawToday } from "./today.js";
import { amount, number } from "./values.js";
import { becomes, status, STATUSES } from "./verdicts.js";
import { t } from "./words.js";

const READ_SECONDS = 10;
const FRESH_SECONDS = 60;
const CHANGES_SHOWN = 20;
const FOLDED = 4; // so many units that changed alike are one line
const DIFFICULTIES_SHOWN = 10;
const DAY = 86_400_000;
const BEHIND = ["missed", "behind"];
const BETTER = ["met", "recovered"];
const WORSE = ["lost", "fell_behind", "missed"];

/** Shows the overview in `main`; returns the function that leaves it. */
export function overview(main) {
  const finding = h("div", { class: "finding" });
  const headline = h("div", { class: "headline" }, finding);
  const today = h("section", { class: "card" });
  const plan = h("section", { class: "card" }, h("p", { class: "loading" }, t("loading")));
  const week = h("section", { class: "card" });
  const late = h("section", { class: "card" });
  const silent = h("section", { class: "card" });
  const open = h("section", { class: "card" });
  const lines = new Map();
  const fresh = new Set(); // the keys of what has just changed
  let shown = new Map();
  let changes = null;
  let paper = null; // what the plan's paper states wrongly: read once

  const read = () => Promise.all([
    get("/v1/targets", {}, WATCHING),
    get("/v1/changes", { limit: 5000 }, WATCHING),
    get("/v1/statuses", { overdue: true, form: "short", limit: 5000 }, WATCHING),
    get("/v1/difficulties", { limit: DIFFICULTIES_SHOWN }, WATCHING),
    get("/v1/unacknowledged", {}, WATCHING),
    paper ?? get("/v1/plan/findings", {}, WATCHING),
  ]);

  function draw([{ items }, lately, overdue, difficulties, unacknowledged, found]) {
    paper = found;
    const commitments = leading(items);
    changes = lately.items;
    const now = new Map(commitments.map((one) => [keyOf(one), JSON.stringify([one.status, one.assessment?.parts[0]?.value])]));
    for (const [key, state] of now) if (shown.size && shown.get(key) !== state) mark(key);
    shown = now;
    drawFinding(finding, commitments, changes, overdue.items, difficulties);
    drawToday(today, [
      commitments.filter((one) => BEHIND.includes(one.status)).sort(worstFirst).map((one) => ({ ...toPutRight(one), card: plan })),
      difficulties.items.filter((one) => !one.answered_at).map((one) => ({ ...toAnswer(one), card: open })),
      byDistrict(overdue.items).map(([place, missing]) => ({ words: t("today_reports", place), about: lateOf(missing), card: late, key: place })),
      unacknowledged.items.map((one) => ({ words: t("today_care", one.unit.name), about: t("unacknowledged_of", one.waiting, day(one.oldest)), card: silent })),
    ]);
    redraw(plan, () => drawPlan(plan, commitments, items, lines, fresh, paper.items));
    redraw(week, () => drawWeek(week, changes, fresh));
    redraw(late, () => drawLate(late, overdue.items));
    redraw(silent, () => drawUnacknowledged(silent, unacknowledged));
    redraw(open, () => drawDifficulties(open, difficulties));
    drawLines(commitments, lines);
  }

  function mark(key) {
    fresh.add(key);
    setTimeout(() => fresh.delete(key), FRESH_SECONDS * 1000);
  }

  function hears(items) {
    for (const one of items) mark(one.id);
    const known = new Set(changes.map((one) => one.id)); // a list that was read meanwhile may have them already
    changes = items.filter((one) => !known.has(one.id)).reverse().concat(changes);
    redraw(week, () => drawWeek(week, changes, fresh));
    return true;
  }

  main.append(headline, today, plan, h("div", { class: "two" }, week, h("div", {}, late, silent, open)));
  return follow({ headline, card: plan, read, draw, hears, seconds: READ_SECONDS });
}

const keyOf = ({ commitment, unit }) => `${commitment.id} ${unit.code}`;

/** Draws a card again, and leaves open what is open in it, and the focus where it is. */
function redraw(card, draw) {
  const open = new Set([...card.querySelectorAll("details[open]")].map((one) => one.dataset.key));
  const focused = card.contains(document.activeElement) ? document.activeElement.closest("details")?.dataset.key : null;
  draw();
  for (const one of card.querySelectorAll("details")) {
    one.open = open.has(one.dataset.key);
    if (one.dataset.key === focused) one.querySelector("summary").focus({ preventScroll: true });
  }
}

/** One line for each commitment: that of the highest unit, where several districts have their own that of the worst. */
function leading(targets) {
  const found = new Map();
  for (const target of targets) {
    const before = found.get(target.commitment.id);
    if (!before || order(target, before) < 0) found.set(target.commitment.id, target);
  }
  return [...found.values()];
}

const isOfProvince = ({ unit }) => unit.kind === "province";
const order = (one, other) => isOfProvince(other) - isOfProvince(one) || worstFirst(one, other);

const worstFirst = (one, other) => STATUSES.indexOf(one.status) - STATUSES.indexOf(other.status) || lack(other) - lack(one);

/** The share of the way to the goal that is missing today. */
function lack({ assessment }) {
  const part = assessment?.parts[0];
  return part?.gap && part.goal !== part.baseline ? part.gap / Math.abs(part.goal - (part.baseline ?? 0)) : 0;
}

function drawFinding(finding, targets, changes, overdue, difficulties) {
  const counts = Object.fromEntries(STATUSES.map((one) => [one, targets.filter((target) => target.status === one).length]));
  const behind = counts.missed + counts.behind;
  const deadlines = targets.map((target) => target.assessment?.parts[0]?.deadline).filter(Boolean).sort();
  const end = deadlines.at(-1);
  const left = end && Math.round((Date.parse(end) - Date.parse(page.today)) / DAY);
  const of = (events) => changes.filter((change) => change.kind === "status" && events.includes(change.event)).length;
  finding.replaceChildren(
    h("h2", {}, targets.length ? (behind ? t("finding", behind, targets.length) : t("finding_none", targets.length)) : t("finding_empty")),
    h("p", {}, [
      STATUSES.filter((one) => counts[one] && !BEHIND.includes(one)).map((one) => `${counts[one]} ${t(`status_${one}`)}`).join(" · "),
      end && (end < page.today ? t("plan_is_over", day(end)) : t("days_left", left, day(end))),
      t("week_in_short", of(BETTER), of(WORSE)),
      t("reports_overdue", new Set(overdue.flatMap((one) => one.overdue.map((period) => `${one.unit.code} ${one.criterion.key} ${period}`))).size),
      difficulties.open && t("difficulties_in_short", difficulties.open, difficulties.unanswered),
    ].filter(Boolean).join(". ").concat(".")));
}

/** The commitments, the worst first: those behind by the share of their way that is missing. */
function drawPlan(plan, targets, all, lines, fresh, findings) {
  const ordered = [...targets].sort(worstFirst);
  const headers = [t("stand"), t("commitment"), t("now"), t("should_be"), t("goal"), t("against_path"), t("way"), t("over_year")];
  const made = table(t("plan_title"), headers, ordered.map((target) => {
    const key = keyOf(target);
    const part = target.assessment?.parts[0] ?? null;
    lines.set(key, lines.get(key) ?? h("div", {}));
    const isNew = fresh.has(key);
    const wrong = findings.filter((one) => one.severity === "error" && one.lines.includes(target.commitment.line));
    return [
      status(target.status),
      h("details", { class: isNew ? "fresh" : null, "data-key": key },
        h("summary", {}, text(target.commitment.title), target.unit.kind !== "province" && h("span", { class: "hint" }, ` (${target.unit.name})`), wrong.length > 0 && h("span", { class: "hint" }, ` ${t("paper_wrong")}`), isNew && h("b", { class: "new" }, ` ${t("just_now")}`)),
        wrong.map((one) => h("p", { class: "box warn" }, t("paper_states", one.lines.join(", ")), " ", text(one.message), ".", one.expected && ` ${t("paper_right", one.expected)}`)),
        h("p", { class: "hint" }, target.assessment && text(target.assessment.reason)),
        below(target, all)),
      h("b", {}, part ? amount(part.value, part.measured_in) : "–"),
      part ? amount(part.required, part.measured_in) : "–",
      part ? amount(part.goal, part.measured_in) : "–",
      gap(part),
      way(part, target.status),
      lines.get(key),
    ];
  }));
  made.classList.add("plan");
  plan.replaceChildren(h("h3", {}, t("plan_title")), targets.length ? made : h("p", {}, t("nothing_promised")));
}

/** How the other units stand that have the commitment too, the worst first. */
function below(target, all) {
  const others = all.filter((one) => one.commitment.id === target.commitment.id && one !== target).sort(order);
  return others.length && h("ul", { class: "hint" }, others.map((one) => {
    const part = one.assessment?.parts[0];
    return h("li", {}, `${one.unit.name}: `, status(one.status), part && part.value !== null && ` ${amount(part.value, part.measured_in)} / ${amount(part.goal, part.measured_in)}`);
  }));
}

function gap(part) {
  if (!part || part.value === null) return "";
  const unit = part.measured_in === "percent" ? t("points") : "";
  if (part.gap > 0) return t("short_of", number(part.gap), unit);
  if (part.gap < 0) return t("ahead_by", number(-part.gap), unit);
  if (part.missing) return t("missing", number(part.missing), part.missing_unit ? text(part.missing_unit) : "");
  return part.gap === 0 ? t("as_planned") : "";
}

function way(part, word) {
  if (!part || part.value === null || part.goal === null || part.measured_in === "yes_no") return "";
  if (part.goal === (part.baseline ?? 0)) return h("span", { class: "hint" }, t("to_be_kept", amount(part.goal, part.measured_in)));
  return bar({ ...part, status: word }, t("way_words", amount(part.baseline ?? 0, part.measured_in), amount(part.value, part.measured_in), amount(part.goal, part.measured_in)));
}

/** Draws the year's line of each commitment that has none yet. */
async function drawLines(targets, lines) {
  for (const { unit, commitment } of targets) {
    const place = lines.get(keyOf({ unit, commitment }));
    if (place.childElementCount) continue;
    try {
      const series = await get("/v1/series", { unit: unit.code, commitment: commitment.id }, WATCHING);
      const drawn = sparkline(series.lines[0]?.points ?? [], t("over_year"));
      if (drawn) place.replaceChildren(drawn);
    } catch {
      return; // the table says all that matters; the next look draws the lines
    }
  }
}

function drawWeek(week, changes, fresh) {
  const since = new Date(Date.parse(page.today) - 7 * DAY).toISOString().slice(0, 10);
  const kept = changes.filter((change) => change.on >= since && change.before !== change.after);
  const place = (change) => [h("b", {}, change.kind === "status" ? linkTo(change.unit) : change.unit.name), change.district && h("span", { class: "hint" }, ` ${change.district.name}`)];
  const what = (change) => [text(change.criterion ? change.criterion.name : change.commitment.title), " ", becomes(status(change.before), status(change.after))];
  const item = (change) => h("li", { class: fresh.has(change.id) ? "fresh" : null, "data-change": change.id },
    place(change), " · ", what(change),
    h("span", { class: "hint" }, ` ${day(change.on)}`), fresh.has(change.id) && h("b", { class: "new" }, ` ${t("just_now")}`));
  const folded = ([first, ...others]) => h("li", {}, h("details", { "data-key": alike(first) },
    h("summary", {}, h("b", {}, t("changed_alike", others.length + 1)), " · ", what(first)),
    h("ul", {}, [first, ...others].map((change) => h("li", { "data-change": change.id }, place(change), h("span", { class: "hint" }, ` ${day(change.on)}`))))));
  const groups = [...grouped(kept, (change) => (fresh.has(change.id) ? change.id : alike(change))).values()]
    .flatMap((group) => group.length < FOLDED ? group.map((change) => [change]) : [group]);
  const left = groups.slice(CHANGES_SHOWN).flat().length;
  week.replaceChildren(
    h("h3", {}, t("week_title", day(since), day(page.today))),
    kept.length ? h("ul", { class: "changes" }, groups.slice(0, CHANGES_SHOWN).map((group) => group.length > 1 ? folded(group) : item(group[0]))) : h("p", {}, t("no_changes")),
    left > 0 && h("p", { class: "hint" }, t("more_changes", left)) || "");
}

/** Puts things together that have one key, in the order of the first of each. (`Map.groupBy`, also for older browsers.) */
function grouped(things, keyOf) {
  const groups = new Map();
  for (const one of things) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}

/** What changes have in common that are told as one: what changed, from what, to what. */
const alike = ({ criterion, commitment, before, after }) => `${criterion?.key ?? commitment.id} ${before} ${after}`;

/** What is overdue by district, those with the most missing reports first. */
function byDistrict(overdue) {
  const districts = grouped(overdue, (one) => one.district?.name ?? one.unit.name);
  return [...districts].sort(([a, mine], [b, others]) => others.length - mine.length || a.localeCompare(b, "vi"));
}

const lateOf = (missing) => t("late_communes", new Set(missing.map((one) => one.unit.code)).size, missing.length);

const toPutRight = (target) => ({
  words: t("today_commitment", [text(target.commitment.title), !isOfProvince(target) && `(${target.unit.name})`].filter(Boolean).join(" ")),
  about: [t(`status_${target.status}`), gap(target.assessment?.parts[0])].filter(Boolean).join(", "),
  key: keyOf(target),
});

const toAnswer = (difficulty) => ({
  words: t("today_answer", difficulty.unit.name),
  about: difficulty.age_days ? t("days_ago", difficulty.age_days) : t("reported_today"),
});

/** Who should be called. */
function drawLate(late, overdue) {
  const rows = byDistrict(overdue);
  late.replaceChildren(
    h("h3", {}, t("late_title")),
    rows.length
      ? h("div", {}, rows.map(([place, missing]) => h("details", { "data-key": place },
          h("summary", {}, h("b", {}, place), " · ", lateOf(missing)),
          h("ul", {}, missing.map((one) => h("li", {}, linkTo(one.unit), `: ${text(one.criterion.name)}, ${one.overdue.map(periodName).join(", ")}`))))))
      : h("p", {}, t("nobody_late")),
    wayTo("intake", "due", t("to_reports_due")));
}

/** Who has not reacted to what is behind: by district, those first of whom most was told to a higher role. */
function drawUnacknowledged(silent, { items }) {
  silent.replaceChildren(
    h("h3", {}, t("unacknowledged_title")),
    items.length
      ? h("ul", { class: "changes" }, items.map((one) => h("li", {}, h("b", {}, one.unit.name), " · ", t("unacknowledged_of", one.waiting, day(one.oldest)),
          one.escalated > 0 && h("span", { class: "hint" }, ` ${t("unacknowledged_escalated", one.escalated)}`))))
      : h("p", {}, t("nobody_unacknowledged")),
    wayTo("notify", "open", t("to_alerts")));
}

/** The way to a list of another page, where its address is set. */
function wayTo(service, part, words) {
  const address = JSON.parse(page.pages)[service];
  return address ? h("p", { class: "actions" }, h("a", { href: `${address}#${part}` }, words)) : "";
}

/** Draws the open difficulties: those that nobody has answered first, the oldest first. */
function drawDifficulties(card, { items, open }) {
  const item = (one) => h("li", {},
    h("b", {}, one.unit.kind === "commune" ? linkTo(one.unit) : one.unit.name), one.district && h("span", { class: "hint" }, ` ${one.district.name}`), " · ",
    one.age_days ? t("days_ago", one.age_days) : t("reported_today"), " · ", one.answered_at ? t("answered") : h("b", {}, t("not_answered")),
    h("p", { class: "words" }, one.words));
  card.replaceChildren(
    h("h3", {}, t("difficulties_title")),
    items.length ? h("ul", { class: "changes" }, items.map(item)) : h("p", {}, t("no_difficulties")),
    open > items.length ? h("p", { class: "hint" }, t("more_difficulties", open - items.length)) : "");
}
