// Reporting periods as people read them.

import { day } from "./plain.js";
import { addWords, language, t } from "./words.js";

addWords({
  period_year: ["năm\u00a0{0}", "{0}"],
  period_h1: ["6 tháng đầu năm {0}", "first half of {0}"],
  period_h2: ["6 tháng cuối năm {0}", "second half of {0}"],
  period_quarter: ["quý\u00a0{0}/{1}", "quarter\u00a0{0} of\u00a0{1}"],
  period_month: ["tháng\u00a0{0}/{1}", "{0}\u00a0{1}"],
});

export function granularity(period) {
  if (/^\d{4}$/.test(period)) return "year";
  if (/-H\d$/.test(period)) return "half";
  if (/-Q\d$/.test(period)) return "quarter";
  return { 7: "month", 10: "day" }[period.length] ?? null;
}

const MONTH = new Intl.DateTimeFormat("en", { month: "long", timeZone: "UTC" });

export function periodName(period) {
  const [year, part] = [period.slice(0, 4), period.slice(5)];
  switch (granularity(period)) {
    case "year": return t("period_year", year);
    case "half": return t(`period_${part.toLowerCase()}`, year);
    case "quarter": return t("period_quarter", ["I", "II", "III", "IV"][part[1] - 1], year);
    case "month": return t("period_month", language() === "vi" ? Number(part) : MONTH.format(new Date(period)), year);
    default: return day(period);
  }
}
