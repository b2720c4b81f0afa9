// The parts that every page shows alike: days, moments, words in two languages, and problems.

import { h } from "./dom.js";
import { language, locale, t } from "./words.js";

/** The facts in the shell: `titleVi`, `titleEn`, `password` (whether the person has one here), `refused` (operations), `province`, `sample`, `today`, and those of the page's service. */
export const page = document.documentElement.dataset;

/** Whether the role of the person may do this operation (`POST /v1/uploads`), within units and criteria that the API keeps. */
export const may = (operation) => !page.refused.split(",").includes(operation);

export const text = (bilingual) => bilingual[language()];

const DATE = { vi: { day: "2-digit", month: "2-digit", year: "numeric" }, en: { day: "numeric", month: "short", year: "numeric" } };
export const day = (date) => new Intl.DateTimeFormat(locale(), { ...DATE[language()], timeZone: "UTC" }).format(new Date(date));

export function moment(time) {
  const format = { ...DATE[language()], hour: "2-digit", minute: "2-digit", timeZone: "Asia/Ho_Chi_Minh" };
  return h("time", { datetime: time }, new Intl.DateTimeFormat(locale(), format).format(new Date(time)));
}

/** A problem document in words, each fault with its place; a button for `again` where repeating may help. */
export function troubleBox(trouble, again = null) {
  if (!trouble.document) throw trouble;
  const { title, detail, errors = [], omitted } = trouble.document;
  const place = (error) => error.cell && [h("b", {}, error.cell), error.sheet ? ` (${error.sheet}): ` : ": "];
  return h("div", { class: "box bad", role: "alert", tabindex: "-1" },
    h("p", {}, h("b", {}, title)),
    errors.length > 1 || errors[0]?.cell
      ? h("ul", {}, errors.map((error) => h("li", {}, place(error), error.detail)), omitted && h("li", {}, t("omitted", omitted)))
      : detail && h("p", {}, detail),
    trouble.retryAfter && h("p", {}, t("retry_after", trouble.retryAfter)),
    again && trouble.passes && h("button", { type: "button", onclick: again }, t("again")));
}

/** Keeps what was chosen in the address, so that a link to it can be shared; null: nothing was chosen. */
export function keep(chosen) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(chosen)) value === null ? query.delete(name) : query.set(name, value);
  history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}${location.hash}`);
}

/** The place of a month's end among the days; that of the newest day where there is none. */
function placeOf(month, days) {
  const found = month === null ? -1 : days.findIndex((one) => one.slice(0, 7) === month);
  return found < 0 ? days.length - 1 : found;
}

const cellsOf = (counted) => counted.districts.flatMap((one) => one.cells);

/** The criteria that can be chosen for the map: those that some district has; all of them where no district is counted. */
function onTheMap(summary) {
  const counted = new Set(summary.days.flatMap(cellsOf).map((cell) => cell.criterion));
  return summary.criteria.filter((one) => !counted.size || counted.has(one.key));
}

/** The criterion with the most communes behind on the newest day. */
function worst(summary) {
  const cells = cellsOf(summary.days.at(-1)).filter((cell) => cell.cohort === null);
  const behind = (one) => cells.filter((cell) => cell.criterion === one.key).reduce((total, cell) => total + sum(cell, BAD), 0);
  return onTheMap(summary).reduce((found, one) => (behind(one) > behind(found) ? one : found));
}

const sum = (cell, words) => words.reduce((total, word) => total + (cell.statuses[word] ?? 0), 0);

function drawMatrix(summary, counted, cohort) {
  const used = summary.criteria.filter((criterion) => counted.districts.some((one) => one.cells.some((cell) => cell.criterion === criterion.key && cell.cohort === cohort)));
  if (!used.length) return h("p", {}, t("nothing_known"));
  const head = h("tr", {}, h("th", { scope: "col" }, t("district")), used.map((criterion) => h("th", { scope: "col", title: text(criterion.name) }, criterionNumber(criterion))));
  const rows = counted.districts.map((one) => h("tr", {},
    h("th", { scope: "row" }, one.district?.name ?? t("whole_province")),
    used.map((criterion) => h("td", {}, cellOf(one, criterion, cohort, counted.on === summary.as_of ? null : counted.on, summary.known)))));
  return h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": t("districts_title") },
    h("table", { class: "matrix" }, h("caption", { class: "unseen" }, t("districts_title")), h("thead", {}, head), h("tbody", {}, rows)),
    h("ul", { class: "legend" }, used.map((criterion) => h("li", {}, h("b", {}, criterionNumber(criterion)), ` ${text(criterion.name)}`))));
}

function cellOf(one, criterion, cohort, asOf, known) {
  const cell = one.cells.find((each) => each.criterion === criterion.key && each.cohort === cohort);
  if (!cell) return "";
  const [all, good, bad] = [sum(cell, STATUSES), sum(cell, GOOD), sum(cell, BAD)];
  const tone = good === all ? "good" : bad ? "bad" : "warn";
  const sign = { good: "✓", bad: "!", warn: "" }[tone];
  const place = one.district?.name ?? t("whole_province");
  const words = `${place}, ${text(criterion.name)}: ${STATUSES.filter((word) => cell.statuses[word]).map((word) => `${cell.statuses[word]} ${t(`status_${word}`)}`).join(", ")}`;
  const open = () => showCommunes(one.district, criterion, cohort, asOf, known, place);
  return h("button", { type: "button", class: `cell ${tone}`, title: words, "aria-label": words, onclick: open }, `${good}/${all}`, sign && h("b", {}, ` ${sign}`));
}

/** The communes of a cell: the worst status first, and of one status those that lack least. */
function showCommunes(district, criterion, cohort, asOf, known, place) {
  const found = h("div", {}, h("p", { class: "loading" }, t("loading")));
  dialog(`${place}: ${text(criterion.name)}`, () => found);
  const judged = (one) => (known === "now" && one.actual) || one.assessment;
  const stand = (one) => judged(one)?.status ?? one.status;
  const lack = (one) => judged(one)?.parts.reduce((total, part) => total + (part.missing ?? 0), 0) ?? 0;
  const order = (one, other) => STATUSES.indexOf(stand(one)) - STATUSES.indexOf(stand(other)) || lack(one) - lack(other) || one.unit.name.localeCompare(other.unit.name, "vi");
  const read = async () => {
    try {
      const { items } = await get("/v1/statuses", { district: district?.code, criterion: criterion.key, cohort, as_of: asOf, limit: 1000 });
      const rows = items.sort(order).map((one) => [h("b", { class: "place" }, linkTo(one.unit)), status(stand(one)), judged(one) ? h("p", { class: "words" }, text(judged(one).reason)) : ""]);
      found.replaceChildren(table(text(criterion.name), [t("commune"), t("stand"), t("reason")], rows));
    } catch (trouble) {
      found.replaceChildren(troubleBox(trouble, read));
    }
  };
  read();
}
