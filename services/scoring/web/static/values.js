// Values with their measure, as people read them.

import { locale, t } from "./words.js";

/** A criterion's number: `12`, or `NC 12` in the advanced set (nâng cao). */
export const criterionNumber = ({ key }) => key.replace(/^ntm-/, "").replace(/^advanced-/, "NC\u00a0");

export const number = (value) => new Intl.NumberFormat(locale(), { maximumFractionDigits: 2 }).format(value);

/** A limit with the decimals that are shown, rounded to its better side: who reaches what is shown keeps the limit. */
export function limit(value, direction) {
  const [rounded, hair] = direction === "at_least" ? [Math.ceil, -1e-6] : [Math.floor, 1e-6]; // 20.04 * 100 is a hair above 2004
  return rounded(value * 100 + hair) / 100;
}

/** How much more the later value is, as the two are shown, and the difference in words: of shares in percentage points. */
export function difference(earlier, later, measure) {
  const more = Math.round(Math.round(later * 100) - Math.round(earlier * 100)) / 100;
  const unit = { percent: t("points"), million_dong: t("million_dong") }[measure];
  return [more, [number(Math.abs(more)), unit].filter(Boolean).join("\u00a0")];
}

export function amount(value, measure) {
  if (value === null || value === undefined) return "–";
  if (measure === "yes_no") return t(value ? "yes" : "no");
  return measure === "percent" ? `${number(value)}\u00a0%` : number(value);
}
