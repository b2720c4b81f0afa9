// How a measure went from quarter to quarter, in words.

import { h } from "./dom.js";
import { periodName } from "./periods.js";
import { day } from "./plain.js";
import { amount, difference } from "./values.js";
import { t } from "./words.js";

const MOST_SHOWN = 5; // a year's quarters, and the end of the one before it
const ENDS = { Q1: "03-31", Q2: "06-30", Q3: "09-30", Q4: "12-31" };

/** The newest quarters of a line of `/v1/series`: the value at the end of each, and its change since the newest value
 * before it. The quarter that is not over stands as it is on the newest day. */
export function quarters(line) {
  const newest = new Map(line.points.map((point) => [quarterOf(point), point])); // of each quarter
  const shown = [...newest.values()].slice(-MOST_SHOWN);
  return h("ul", { class: "quarters" }, shown.map((point, at) => {
    const since = shown.slice(0, at).findLast((earlier) => earlier.value !== null);
    return h("li", {}, `${named(point)}: `, valueOf(point, line), point.value !== null && since && `; ${change(since, point, line)}`);
  }));
}

const quarterOf = ({ on }) => `${on.slice(0, 4)}-Q${Math.ceil(Number(on.slice(5, 7)) / 3)}`;

function named(point) {
  const quarter = quarterOf(point);
  const isOver = point.on.endsWith(ENDS[quarter.slice(5)]);
  return isOver ? t("quarter_ended", periodName(quarter)) : t("quarter_goes_on", periodName(quarter), day(point.on));
}

function valueOf(point, line) {
  if (point.value === null) return t("status_no_data");
  return [h("b", {}, amount(point.value, line.measured_in)), point.provisional && ` (${t("provisional")})`];
}

/** What has changed since an earlier value; values of two series, before a break and after it, are not compared. */
function change(since, point, line) {
  const then = periodName(quarterOf(since));
  if (since.break_in_series?.valid_from !== point.break_in_series?.valid_from) return t("not_comparable", then);
  const [more, words] = difference(since.value, point.value, line.measured_in);
  if (more > 0) return t("risen_since", words, then);
  if (more < 0) return t("fallen_since", words, then);
  return point.period && point.period === since.period ? t("no_newer_figures") : t("unchanged_since", then);
}
