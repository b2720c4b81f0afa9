// The map: a tile for each commune, or its border where the installation has borders, by the status of one criterion on a
// day of the year; it opens its commune.

import { get, WATCHING } from "./api.js";
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
const LINE = 15; // the height of a label, or of a sign
const LETTER = 8; // the width of a label's letter
const COUNT = 6; // letters

let kept = { version: null, borders: [] }; // the borders read last

/** What `/v1/map` finds, each of its communes with its `border` where there is one. */
export async function readMap(query) {
  const found = await get("/v1/map", query, WATCHING);
  if (found.borders && found.borders !== kept.version) kept = await get("/v1/map/borders", {}, WATCHING);
  const borders = new Map(found.borders ? kept.borders.map((border) => [border.unit.key, border]) : []);
  return { ...found, tiles: found.tiles.map((tile) => ({ ...tile, border: borders.get(tile.unit.key) ?? null })) };
}

/** Whether a commune has a place on the map. */
const isPlaced = (tile) => Boolean(tile.border || tile.at);

/** The map of what `readMap` found for a group of communes or for all (null): `element`, and `show(on)` to show one of
 * its days in what is drawn already. Null where no commune has a place. */
export function communeMap(found, group = null) {
  if (!found.tiles.some(isPlaced)) return null;
  const name = `${criterionNumber(found.criterion)}. ${text(found.criterion.name)}`;
  const finding = h("h3", {});
  const placeless = h("p", {});
  const source = h("p", { class: "hint" });
  const passed = h("div", { tabindex: "-1" });
  const bordered = borderDrawing(found.tiles.filter((tile) => tile.border), found, name);
  const tiled = tileDrawing(found.tiles.filter((tile) => !tile.border && tile.at), found, name);
  const tileWords = h("p", {}, t("map_borderless"));

  function show(on) {
    const at = found.days.indexOf(on);
    const isBordered = bordered.show(at, on);
    const isTiled = tiled.show(at, on);
    tileWords.hidden = !(isBordered && isTiled);
    const counted = found.tiles.filter((tile) => tile.in_cohort && tile.statuses[at]);
    const number = (...words) => counted.filter((tile) => words.includes(tile.statuses[at])).length;
    const [met, all, behind] = [number("met"), counted.length, number("behind", "missed")];
    const missing = found.tiles.filter((tile) => !isPlaced(tile) && tile.statuses[at]);
    placeless.hidden = !missing.length;
    placeless.replaceChildren(t("map_placeless"), ...missing.flatMap((tile) => [" ", h("a", { href: addressThen(tile, found, on) }, tile.unit.name), ` (${t(`status_${tile.statuses[at]}`)})`]));
    finding.replaceChildren(t("map_finding", group ? `${name} – ${group}` : name, met, all, behind, day(on)));
    source.replaceChildren([isBordered && t("map_by_borders"), isTiled && !found.verified && t("map_unverified"), t("map_then")].filter(Boolean).join(" "));
  }

  const element = h("div", { class: "tile-map" }, finding,
    h("ul", { class: "legend" }, [...STATUSES].reverse().map((word) => h("li", {}, sample(word), ` ${t(`status_${word}`)}`))),
    h("button", { type: "button", class: "skip", onclick: () => passed.focus() }, t("map_skip")),
    bordered.element, tileWords, tiled.element, placeless, source, passed);
  return { element, show };
}

/** The communes as tiles, each district's name above its own: `element`, and `show(at, on)`, which says whether any is seen. */
function tileDrawing(tiles, found, name) {
  const [rows, columns] = [0, 1].map((way) => tiles.map((tile) => tile.at[way] * STEP));
  const [left, top] = [Math.min(...columns) - EDGE, Math.min(...rows) - STEP]; // with a line for labels
  const [right, bottom] = [Math.max(...columns.map((x) => x + STEP), left + WIDEST_LABEL) + EDGE, Math.max(...rows) + STEP + EDGE];
  const places = tiles.map((tile) => {
    const [y, x] = tile.at.map((place) => place * STEP);
    return drawPlace(tile, found, svg("rect", { x, y, width: SIDE, height: SIDE, rx: 4 }), [x + SIDE / 2, y + SIDE / 2]);
  });
  const labels = byDistrict(tiles, found).map(([district, own]) => {
    const [row, column] = [0, 1].map((way) => Math.min(...own.map((tile) => tile.at[way])));
    return drawLabel(district, own, found, [column * STEP, row * STEP - LABEL]);
  });
  return drawing([...labels, ...places], tiles, [left, top, right, bottom], { class: "map", "aria-label": t("map_words", name) }, t("map_region"));
}

/** The communes by their borders, each district's name over its own; `element` and `show(at, on)` as of tiles. */
function borderDrawing(tiles, found, name) {
  const [west, north, east, south] = boxOf(tiles);
  const edges = [west - EDGE, north - STEP, Math.max(east, west + WIDEST_LABEL) + EDGE, south + EDGE]; // with a line for labels
  const places = tiles.map((tile) => drawPlace(tile, found, svg("path", { d: tile.border.path }), tile.border.at));
  const taken = [];
  const labels = byDistrict(tiles, found).map(([district, own]) => drawLabel(district, own, found, freePlace(district, own, tiles, taken, edges)));
  return drawing([...places, ...labels], tiles, edges, { class: "map bordered", "aria-label": t("map_border_words", name) }, t("map_border_region"));
}

/** What some communes fill together: left, top, right, bottom. */
const boxOf = (tiles) => [Math.min, Math.min, Math.max, Math.max].map((which, at) => which(...tiles.map((tile) => tile.border.box[at])));

/** The middle of a place for a district's name: near the middle of its communes or above them, where it hides no other name of
 * those in `taken`, which it joins, and the fewest signs. */
function freePlace(district, own, tiles, taken, [left, , right]) {
  const [west, north, east, south] = boxOf(own);
  const half = ((district.name.length + COUNT) * LETTER) / 2;
  const within = (x) => Math.max(left + half, Math.min(right - half, x));
  const middle = [(west + east) / 2, (north + south) / 2];
  const hides = ([x, y], [otherX, otherY], width) => Math.abs(x - otherX) < half + width && Math.abs(y - otherY) < LINE;
  const offsets = [0, 1, -1, 2, -2, 3, -3, 4, -4];
  const over = offsets.flatMap((down) => offsets.map((across) => [within(middle[0] + (across * (east - west)) / 10), middle[1] + (down * (south - north)) / 10]));
  const choices = [[within(middle[0]), north - LABEL], ...over.filter(([, y]) => y - LINE / 2 > north && y + LINE / 2 < south)];
  const cost = (place) => taken.filter((other) => hides(place, other.place, other.half)).length * 1000
    + tiles.filter((tile) => hides(place, tile.border.at, LINE / 2)).length * 100
    + Math.hypot(place[0] - middle[0], place[1] - middle[1]);
  const place = choices.reduce((best, one) => (cost(one) < cost(best) ? one : best));
  taken.push({ place, half });
  return place;
}

/** A part of the map, which is away on days on which none of its communes is there. */
function drawing(parts, tiles, [left, top, right, bottom], attributes, region) {
  if (!tiles.length) return { element: null, show: () => false };
  const [width, height] = [right - left, bottom - top];
  const element = h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": region },
    svg("svg", { viewBox: `${left} ${top} ${width} ${height}`, width, role: "group", ...attributes }, ...parts.map((part) => part.element)));
  const show = (at, on) => {
    for (const part of parts) part.show(at, on);
    const isSeen = tiles.some((tile) => tile.statuses[at]);
    element.hidden = !isSeen;
    return isSeen;
  };
  return { element, show };
}

/** The districts that have some of the tiles, with these. */
const byDistrict = (tiles, found) => found.districts
  .map((district) => [district, tiles.filter((tile) => tile.district === district.code)])
  .filter(([, own]) => own.length);

/** The address of a tile's commune as it stands today, or as it stood on a past day. */
const addressThen = (tile, found, on) => addressOf(tile.unit, on === found.as_of ? null : on);

/** A commune's place, its tile or border, that links to the commune; its sign stands at `x`, `y`. */
function drawPlace(tile, found, shape, [x, y]) {
  const title = svg("title", {});
  const sign = svg("text", { x, y, "aria-hidden": "true" });
  const element = svg("a", { class: "tile" }, title, shape, sign);
  const show = (at, on) => {
    const word = tile.statuses[at];
    element.toggleAttribute("hidden", !word); // there is no such commune on that day
    if (!word) return;
    const words = `${tile.unit.name}: ${t(`status_${word}`)}${tile.in_cohort ? "" : ` (${t("not_in_cohort")})`}`;
    element.setAttribute("class", `tile ${word}${tile.in_cohort ? "" : " other"}`);
    element.setAttribute("href", addressThen(tile, found, on));
    element.setAttribute("aria-label", words);
    title.textContent = words;
    sign.textContent = SIGNS[word];
  };
  return { element, show };
}

/** A district's name at a place near some of its communes, with how many of all of them meet the criterion. */
function drawLabel(district, near, found, [x, y]) {
  const own = found.tiles.filter((tile) => tile.district === district.code);
  const count = svg("tspan", { class: "count" });
  const element = svg("text", { class: "place", x, y }, svg("tspan", {}, district.name), count);
  const show = (at) => {
    const counted = own.filter((tile) => tile.in_cohort && tile.statuses[at]);
    element.toggleAttribute("hidden", !near.some((tile) => tile.statuses[at]));
    const met = counted.filter((tile) => tile.statuses[at] === "met").length;
    count.textContent = counted.length ? ` ${met}/${counted.length}` : "";
  };
  return { element, show };
}

/** A tile as the legend shows it. */
const sample = (word) => svg("svg", { class: "map key", viewBox: `-1 -1 ${SIDE + 2} ${SIDE + 2}`, "aria-hidden": "true" },
  svg("g", { class: `tile ${word}` }, svg("rect", { width: SIDE, height: SIDE, rx: 4 }), svg("text", { x: SIDE / 2, y: SIDE / 2 }, SIGNS[word])));
