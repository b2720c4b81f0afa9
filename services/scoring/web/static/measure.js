// A measure of a criterion over the year: its chart, what its marks mean, and how it went by quarter.

import { h } from "./dom.js";
import { chart, svg } from "./drawing.js";
import { day, text } from "./plain.js";
import { quarters } from "./quarters.js";
import { amount, limit } from "./values.js";
import { t } from "./words.js";

/** Shows a line of `/v1/series`. */
export function measure(line) {
  const shown = line.points.filter((point) => point.value !== null);
  const title = h("p", { class: "chart-title" }, text(line.name), line.group && ` (${t(`group_${line.group}`)})`, !line.verified && ` ${t("unverified")}`);
  if (!shown.length || line.measured_in === "yes_no") {
    const said = shown.at(-1);
    return h("div", {}, title, h("p", { class: "hint" }, said ? `${amount(said.value, line.measured_in)} (${day(said.on)})` : t("status_no_data")));
  }
  const last = shown.at(-1);
  const words = t("chart_words", text(line.name), amount(shown[0].value, line.measured_in), day(shown[0].on), amount(last.value, line.measured_in), day(last.on));
  return h("figure", {}, title, chart(line.points, (value) => amount(value, line.measured_in), day, words),
    h("figcaption", {}, h("p", { class: "hint" }, t("chart_key")), band(line), quarters(line)));
}

/** What the band of the chart means, and its newest limit; nothing where nothing is tolerated beside the path. */
function band(line) {
  const newest = line.points.findLast((point) => point.tolerated !== null);
  if (!newest || newest.tolerated === newest.required) return null;
  const worst = amount(limit(newest.tolerated, line.direction), line.measured_in);
  const sample = svg("svg", { class: "chart key", viewBox: "0 0 24 12", "aria-hidden": "true" }, svg("rect", { class: "band", width: 24, height: 12 }));
  return h("p", { class: "hint" }, sample, ` ${t("chart_band")} `,
    t(`chart_${line.direction}`, day(newest.on), amount(newest.required, line.measured_in), worst));
}
