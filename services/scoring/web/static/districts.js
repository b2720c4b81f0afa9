// Communes by one criterion on the map, and districts by all criteria, on a day of the year: as was known then or by all
// that is known now. A cell opens its communes. What was chosen stands in the address.

import { get, WATCHING } from "./api.js";
import { linkTo } from "./commune.js";
import { dialog, field, h, select, table } from "./dom.js";
import { follow } from "./live.js";
import { communeMap, readMap } from "./map.js";
import { day, keep, text, troubleBox } from "./plain.js";
import { criterionNumber } from "./values.js";
import { status, STATUSES } from "./verdicts.js";
import { t } from "./words.js";

const READ_SECONDS = 10;
const AGAIN_SECONDS = 2;
const STEP_SECONDS = 0.9; // a month of the year that is played
const KNOWN = ["then", "now"];
const GOOD = ["on_track", "met"];
const BAD = ["missed", "behind"];

/** Shows the districts in `main`; returns the function that leaves them. */
export function districts(main) {
  const progress = h("p", { class: "hint", role: "status" }, t("loading"));
  const card = h("section", { class: "card" }, progress);
  const headline = h("div", { class: "headline" });
  const asked = new URLSearchParams(location.search); // each is heeded where it names something that there is
  let summary = null;
  let map = null; // what `/v1/map` found
  let month = asked.get("month"); // "2023-05", the month whose end is shown; null: the newest day
  let criterion = asked.get("criterion"); // on the map; null: the one with the most communes behind
  let cohort = asked.get("cohort");
  let known = KNOWN.includes(asked.get("known")) ? asked.get("known") : "then"; // on each day, or what is known "now"
  let isLeft = false;
  let stop = () => {}; // ends the playing of the months
  let isPlaying = false;
  const mapPlace = h("div", {});

  function draw(focused = null) {
    stop();
    keepScrolled(card, () => drawCard());
    if (focused) card.querySelector(`[name=${focused}]`).focus();
  }

  function drawCard() {
    const days = summary.days.map((one) => one.on);
    const matrix = h("div", {});
    const shown = h("output", {});
    const slider = h("input", { type: "range", min: 0, max: days.length - 1, step: 1 });
    const button = h("button", { type: "button", "aria-pressed": "false" }, h("span", { "aria-hidden": "true" }, "▶ "), t("play"));
    const last = days.length - 1;
    const show = () => {
      const place = Number(slider.value);
      month = place === last ? null : days[place].slice(0, 7);
      slider.setAttribute("aria-valuetext", day(days[place]));
      shown.replaceChildren(day(days[place]));
      keepScrolled(matrix, () => matrix.replaceChildren(drawMatrix(summary, summary.days[place], cohort)));
      drawMap();
    };
    const go = (place) => {
      slider.value = place;
      show();
      keep({ month });
    };
    const play = () => {
      if (isPlaying) return stop();
      if (Number(slider.value) === last) go(0);
      isPlaying = true;
      button.setAttribute("aria-pressed", "true");
      const timer = setInterval(() => {
        go(Number(slider.value) + 1);
        if (Number(slider.value) === last) stop();
      }, STEP_SECONDS * 1000);
      stop = () => {
        clearInterval(timer);
        isPlaying = false;
        button.setAttribute("aria-pressed", "false");
      };
    };
    slider.addEventListener("input", show);
    slider.addEventListener("change", () => keep({ month }));
    button.addEventListener("click", play);
    slider.value = placeOf(month, days); // once the bounds are set

    const named = (name, made) => {
      made.name = name;
      return made;
    };
    const group = (event) => {
      cohort = event.target.value || null;
      keep({ cohort });
      draw("cohort");
      askMap();
    };
    const onMap = (event) => {
      criterion = event.target.value;
      keep({ criterion });
      askMap();
    };
    const ask = async (event) => {
      known = event.target.value;
      keep({ known: known === "then" ? null : known });
      progress.replaceChildren(t("loading"));
      try {
        drawNew(await read(), "known");
      } catch (trouble) {
        progress.replaceChildren(troubleBox(trouble));
      }
    };
    const groups = [["", t("all_communes")], ...summary.cohorts.map((one) => [one.id, text(one.name)])];
    const onMapChoices = onTheMap(summary).map((one) => [one.key, `${criterionNumber(one)}. ${text(one.name)}`]);
    card.replaceChildren(
      h("h2", {}, t("districts_title")),
      h("div", { class: "filters" },
        field(t("map_criterion"), named("criterion", select(onMapChoices, map.criterion.key, onMap))),
        field(t("cohort"), named("cohort", select(groups, cohort ?? "", group))),
        field(t("known_by_what"), named("known", select(KNOWN.map((one) => [one, t(`known_${one}`)]), known, ask))),
        field(t("on_day"), slider), button),
      progress, mapPlace,
      h("h3", {}, t("matrix_title")), h("p", { class: "hint" }, t("districts_hint"), summary.known === "now" && ` ${t("matrix_now")}`),
      h("p", {}, t(summary.known === "now" ? "known_now_at" : "known_by"), " ", shown), matrix);
    show();
  }

  let drawn = null; // the map on the page, and what it was drawn of
  function drawMap() {
    const isNew = drawn?.found !== map;
    if (isNew) {
      const group = summary.cohorts.find((one) => one.id === map.cohort);
      const made = communeMap(map, group && text(group.name)) ?? { element: "", show: () => {} };
      drawn = { found: map, ...made };
    }
    drawn.show(map.days[placeOf(month, map.days)]); // a new map has its colours before it is on the page
    if (isNew) keepScrolled(mapPlace, () => mapPlace.replaceChildren(drawn.element));
  }

  function drawNew(found, focused = null) {
    if (found.summary.known !== known || !isAsked(found.map)) return; // another one was chosen meanwhile
    const isDrawn = card.contains(mapPlace); // else what went wrong stands there
    const isUsed = isDrawn && !focused && (card.querySelector(":focus") || isPlaying);
    if (isUsed && found.summary.as_of !== summary.as_of) return; // the slider on the page has the days of before
    ({ summary, map } = found);
    progress.replaceChildren();
    if (!isUsed) draw(focused);
  }

  const isAsked = (found) => found.cohort === cohort && [found.criterion.key, null].includes(criterion);

  async function askMap() {
    progress.replaceChildren(t("loading"));
    try {
      const found = await askedMap();
      if (!isAsked(found)) return;
      map = found;
      progress.replaceChildren();
      drawMap();
    } catch (trouble) {
      progress.replaceChildren(troubleBox(trouble));
    }
  }

  const askedMap = (of = summary) => readMap({ criterion: criterion ?? worst(of).key, cohort, months: true });

  /** Asks until the counts are there: those by what is known now may still be in the making. */
  async function read() {
    for (;;) {
      const found = await get("/v1/summary", { months: true, known }, WATCHING);
      if (found.days || isLeft) {
        if (!found.criteria?.some((one) => one.key === criterion)) criterion = null;
        if (!found.cohorts?.some((one) => one.id === cohort)) cohort = null;
        return { summary: found, map: isLeft ? null : await askedMap(found) };
      }
      if (summary?.known !== known) progress.replaceChildren(t("being_counted", Math.floor((100 * found.counted) / found.asked)));
      await new Promise((go) => setTimeout(go, AGAIN_SECONDS * 1000));
    }
  }

  main.append(headline, card);
  const leave = follow({ headline, card, seconds: READ_SECONDS, read, draw: (found) => drawNew(found), hears: () => true });
  return () => {
    isLeft = true;
    stop();
    leave();
  };
}

/** Draws what is in an element again, and leaves what was scrolled sideways where it is. */
function keepScrolled(element, draw) {
  const places = () => [...element.querySelectorAll(".wide")];
  const scrolled = places().map((one) => one.scrollLeft);
  draw();
  places().forEach((one, at) => one.scrollLeft = scrolled[at] ?? 0);
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
