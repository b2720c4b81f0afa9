// Values with their measure, as people read them.

import { locale, t } from "./words.js";

/** A criterion's number: `12`, or `NC 12` in the advanced set (nâng cao). */
export const criterionNumber = ({ key }) => key.replace(/^ntm-/, "").replace(/^advanced-/, "NC\u00a0");

export const number = (value) => new Intl.NumberFormat(locale(), { maximumFractionDigits: 2 }).format(value);

export function amount(value, measure) {
  if (value === null || value === undefined) return "–";
  if (measure === "yes_no") return t(value ? "yes" : "no");
  return measure === "percent" ? `${number(value)}\u00a0%` : number(value);
}
