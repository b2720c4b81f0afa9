// Districts by criterion on a day of the year, as it was known then or by all that is known now; a cell opens its communes.

import { get, WATCHING } from "./api.js";
import { linkTo } from "./commune.js";
import { dialog, field, h, select, table } from "./dom.js";
import { follow } from "./live.js";
import { day, text, troubleBox } from "./plain.js";
import { status, STATUSES } from "./verdicts.js";
import { t } from "./words.js";

const READ_SECONDS = 10;
const AGAIN_SECONDS = 2;
const GOOD = ["on_track", "met"];
const BAD = ["missed", "behind"];

/** Shows the districts in `main`; returns the function that leaves them. */
export function districts(main) {
  const card = h("section", { class: "card" }, h("p", { class: "loading" }, t("loading")));
  const headline = h("div", { class: "headline" });
  let summary = null;
  let at = null; // the day chosen; null: the newest
  let cohort = null;
  let known = "then"; // what was known on each day, or what is known "now"
  let isLeft = false;
  const progress = h("p", { class: "hint", role: "status" });

  function draw(focused = null) {
    const days = summary.days.map((one) => one.on);
    const place = at === null ? days.length - 1 : days.indexOf(at);
    const matrix = h("div", {}, drawMatrix(summary, summary.days[place], cohort));
    const shown = h("output", {}, day(days[place]));
    const choose = (event) => {
      at = Number(event.target.value) === days.length - 1 ? null : days[event.target.value];
      shown.replaceChildren(day(days[event.target.value]));
      matrix.replaceChildren(drawMatrix(summary, summary.days[event.target.value], cohort));
    };
    const choices = [["", t("all_communes")], ...summary.cohorts.map((one) => [one.id, text(one.name)])];
    const group = (event) => {
      cohort = event.target.value || null;
      draw("cohort");
    };
    const ask = async (event) => {
      known = event.target.value;
      progress.replaceChildren(t("loading"));
      try {
        drawNew(await read(), "known");
      } catch (trouble) {
        progress.replaceChildren(troubleBox(trouble));
      }
    };
    const cohorts = select(choices, cohort ?? "", group);
    const knowledge = select([["then", t("known_then")], ["now", t("known_now")]], known, ask);
    cohorts.name = "cohort";
    knowledge.name = "known";
    const slider = h("input", { type: "range", min: 0, max: days.length - 1, step: 1, oninput: choose, "aria-valuetext": day(days[place]) });
    slider.value = place; // once the bounds are set
    card.replaceChildren(
      h("h2", {}, t("districts_title")), h("p", { class: "hint" }, t("districts_hint")),
      h("div", { class: "filters" }, field(t("cohort"), cohorts), field(t("on_day"), slider), field(t("known_by_what"), knowledge)), progress,
      h("p", {}, t(summary.known === "now" ? "known_now_at" : "known_by"), " ", shown), matrix);
    if (focused) card.querySelector(`[name=${focused}]`).focus();
  }

  function drawNew(found, focused = null) {
    if (found.known !== known) return; // the other one was chosen meanwhile
    summary = found;
    progress.replaceChildren();
    if (focused || !card.querySelector(":focus")) draw(focused);
  }

  /** Asks until the counts are there: those by what is known now may still be in the making. */
  async function read() {
    for (;;) {
      const found = await get("/v1/summary", { months: true, known }, WATCHING);
      if (found.days || isLeft) return found;
      if (summary?.known !== known) progress.replaceChildren(t("being_counted", Math.floor((100 * found.counted) / found.asked)));
      await new Promise((go) => setTimeout(go, AGAIN_SECONDS * 1000));
    }
  }

  main.append(headline, card);
  const leave = follow({ headline, card, seconds: READ_SECONDS, read, draw: (found) => drawNew(found), hears: () => true });
  return () => {
    isLeft = true;
    leave();
  };
}

function drawMatrix(summary, counted, cohort) {
  const short = (criterion) => criterion.key.replace(/^ntm-/, "").replace(/^advanced-/, "NC\u00a0");
  const used = summary.criteria.filter((criterion) => counted.districts.some((one) => one.cells.some((cell) => cell.criterion === criterion.key && cell.cohort === cohort)));
  if (!used.length) return h("p", {}, t("nothing_known"));
  const head = h("tr", {}, h("th", { scope: "col" }, t("district")), used.map((criterion) => h("th", { scope: "col", title: text(criterion.name) }, short(criterion))));
  const rows = counted.districts.map((one) => h("tr", {},
    h("th", { scope: "row" }, one.district?.name ?? t("whole_province")),
    used.map((criterion) => h("td", {}, cellOf(one, criterion, cohort, counted.on === summary.as_of ? null : counted.on, summary.known)))));
  return h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": t("districts_title") },
    h("table", { class: "matrix" }, h("caption", { class: "unseen" }, t("districts_title")), h("thead", {}, head), h("tbody", {}, rows)),
    h("ul", { class: "legend" }, used.map((criterion) => h("li", {}, h("b", {}, short(criterion)), ` ${text(criterion.name)}`))));
}

function cellOf(one, criterion, cohort, asOf, known) {
  const cell = one.cells.find((each) => each.criterion === criterion.key && each.cohort === cohort);
  if (!cell) return "";
  const sum = (words) => words.reduce((total, word) => total + (cell.statuses[word] ?? 0), 0);
  const [all, good, bad] = [sum(STATUSES), sum(GOOD), sum(BAD)];
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
