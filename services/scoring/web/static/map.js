// The tile map: a tile for each commune, by the status of one criterion on a day of the year; a tile opens its commune.

import { addressOf } from "./commune.js";
import { h } from "./dom.js";
import { svg } from "./drawing.js";
import { day, text } from "./plain.js";
import { criterionNumber } from "./values.js";
import { SIGNS, STATUSES } from "./verdicts.js";
import { t } from "./words.js";

const STEP = 32; // from one tile to the next; a phone draws the map smaller, with the 24 px that a finger needs
const SIDE = 28;
const EDGE = 2; // room for the frame of the tile that has the focus
const WIDEST_LABEL = 7 * STEP;
const LABEL = 10; // from the label's line down to its district's first row

/** The map of what `/v1/map` found for a group of communes or for all (null): `element`, and `show(on)` to show one of
 * its days in the tiles that are there. */
export function tileMap(found, group = null) {
  const tiles = found.tiles.filter((tile) => tile.at).map((tile) => drawTile(tile, found));
  const [rows, columns] = [0, 1].map((way) => tiles.map(({ tile }) => tile.at[way] * STEP));
  const [left, top] = [Math.min(...columns) - EDGE, Math.min(...rows) - STEP]; // with a line for labels
  const [width, height] = [Math.max(...columns.map((x) => x + STEP), left + WIDEST_LABEL) + EDGE - left, Math.max(...rows) + STEP + EDGE - top];
  const labels = found.districts
    .map((district) => [district, tiles.filter(({ tile }) => tile.district === district.code)])
    .filter(([, own]) => own.length)
    .map(([district, own]) => drawLabel(district, own));
  const name = `${criterionNumber(found.criterion)}. ${text(found.criterion.name)}`;
  const finding = h("h3", {});
  const placeless = h("p", {});
  const passed = h("div", { tabindex: "-1" });
  const drawn = svg("svg", { class: "map", viewBox: `${left} ${top} ${width} ${height}`, width, role: "group", "aria-label": t("map_words", name) },
    ...labels.map((label) => label.element), ...tiles.map(({ link }) => link));

  function show(on) {
    const at = found.days.indexOf(on);
    for (const one of tiles) one.show(at, on);
    for (const label of labels) label.show(at);
    const counted = found.tiles.filter((tile) => tile.in_cohort && tile.statuses[at]);
    const number = (...words) => counted.filter((tile) => words.includes(tile.statuses[at])).length;
    const [met, all, behind] = [number("met"), counted.length, number("behind", "missed")];
    const missing = found.tiles.filter((tile) => !tile.at && tile.statuses[at]);
    placeless.hidden = !missing.length;
    placeless.replaceChildren(t("map_placeless"), ...missing.flatMap((tile) => [" ", h("a", { href: addressThen(tile, found, on) }, tile.unit.name), ` (${t(`status_${tile.statuses[at]}`)})`]));
    finding.replaceChildren(t("map_finding", group ? `${name} – ${group}` : name, met, all, behind, day(on)));
  }

  const element = h("div", { class: "tile-map" }, finding,
    h("ul", { class: "legend" }, [...STATUSES].reverse().map((word) => h("li", {}, sample(word), ` ${t(`status_${word}`)}`))),
    h("button", { type: "button", class: "skip", onclick: () => passed.focus() }, t("map_skip")),
    h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": t("map_region") }, drawn), placeless,
    h("p", { class: "hint" }, !found.verified && `${t("map_unverified")} `, t("map_then")), passed);
  return { element, show };
}

/** The address of a tile's commune as it stands today, or as it stood on a past day. */
const addressThen = (tile, found, on) => addressOf(tile.unit, on === found.as_of ? null : on);

/** A tile that links to its commune. */
function drawTile(tile, found) {
  const [y, x] = tile.at.map((place) => place * STEP);
  const title = svg("title", {});
  const sign = svg("text", { x: x + SIDE / 2, y: y + SIDE / 2, "aria-hidden": "true" });
  const link = svg("a", { class: "tile" }, title, svg("rect", { x, y, width: SIDE, height: SIDE, rx: 4 }), sign);
  const show = (at, on) => {
    const word = tile.statuses[at];
    link.toggleAttribute("hidden", !word); // there is no such commune on that day
    if (!word) return;
    const words = `${tile.unit.name}: ${t(`status_${word}`)}${tile.in_cohort ? "" : ` (${t("not_in_cohort")})`}`;
    link.setAttribute("class", `tile ${word}${tile.in_cohort ? "" : " other"}`);
    link.setAttribute("href", addressThen(tile, found, on));
    link.setAttribute("aria-label", words);
    title.textContent = words;
    sign.textContent = SIGNS[word];
  };
  return { tile, link, show };
}

/** A district's name above its tiles, with how many of its communes that are shown meet the criterion. */
function drawLabel(district, tiles) {
  const count = svg("tspan", { class: "count" });
  const places = tiles.map(({ tile }) => tile.at);
  const [row, column] = [0, 1].map((at) => Math.min(...places.map((place) => place[at])));
  const element = svg("text", { class: "place", x: column * STEP, y: row * STEP - LABEL }, svg("tspan", {}, district.name), count);
  const show = (at) => {
    const counted = tiles.filter(({ tile }) => tile.in_cohort && tile.statuses[at]);
    element.toggleAttribute("hidden", !tiles.some(({ tile }) => tile.statuses[at]));
    const met = counted.filter(({ tile }) => tile.statuses[at] === "met").length;
    count.textContent = counted.length ? ` ${met}/${counted.length}` : "";
  };
  return { element, show };
}

/** A tile as the legend shows it. */
const sample = (word) => svg("svg", { class: "map key", viewBox: `-1 -1 ${SIDE + 2} ${SIDE + 2}`, "aria-hidden": "true" },
  svg("g", { class: `tile ${word}` }, svg("rect", { width: SIDE, height: SIDE, rx: 4 }), svg("text", { x: SIDE / 2, y: SIDE / 2 }, SIGNS[word])));
