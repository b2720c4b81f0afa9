// Units, criteria and figures as people read them.

import { text } from "./plain.js";
import { locale, t } from "./words.js";

/** The scope of the person who is signed in; filled by `learn`. */
export const known = { me: null, catalogue: null, units: new Map(), criteria: new Map(), elements: new Map() };

export function learn(me, catalogue) {
  const by = (name, list) => new Map(list.map((one) => [one[name], one]));
  const { units, criteria, elements } = catalogue;
  Object.assign(known, { me, catalogue, units: by("code", units), criteria: by("key", criteria), elements: by("code", elements) });
}

export const unitName = (code) => (known.units.has(code) ? `${known.units.get(code).name} (${code})` : code);
export const elementName = (code) => (known.elements.has(code) ? text(known.elements.get(code).name) : code);

export function criterionName(key) {
  const [, set, number] = /^(.*)-(\d+)$/.exec(key) ?? [];
  if (!known.criteria.has(key) || !number) return key;
  return `${number}. ${text(known.criteria.get(key).name)}${set === "ntm" ? "" : ` (${set === "advanced" ? t("advanced") : set})`}`;
}

export const coversCriterion = (key) => known.me.criteria.includes("*") || known.me.criteria.includes(key);

/** The criteria of the person under which a report of the calendar is filled in: its own, or those of its elements. */
export function reportedCriteria({ criteria, elements, reported_by: kinds }) {
  const owed = !elements.length || known.catalogue.units.some((unit) => kinds.includes(unit.kind) && covers(unit));
  const ofElements = owed ? elements.flatMap((code) => known.elements.get(code).criteria) : [];
  return [...new Set([...criteria, ...ofElements])].filter(coversCriterion);
}

/** Whether the unit is one of the person's units, or lies below one of them. */
export function covers(unit) {
  for (let one = unit; one; one = known.units.get(one.parent)) {
    if (known.me.units.some((covered) => covered.code === one.code)) return true;
  }
  return false;
}

/** The covered units as choices: first the units with others below them, then the others by their districts. */
export function unitChoices() {
  const covered = known.catalogue.units.filter(covers);
  const parents = new Set(known.catalogue.units.map((unit) => unit.parent));
  const choice = (unit) => [unit.code, unitName(unit.code)];
  const groups = new Map();
  for (const unit of covered.filter((one) => !parents.has(one.code))) {
    groups.set(unit.parent, [...(groups.get(unit.parent) ?? []), choice(unit)]);
  }
  const whole = covered.filter((unit) => parents.has(unit.code)).map(choice);
  return [...whole, ...[...groups].map(([parent, choices]) => [unitName(parent), choices])];
}

/** The highest stage the person may raise figures to: of a whole district, of the province; none below that. */
export function reviewStages() {
  const kinds = known.me.units.map(({ code }) => known.units.get(code)?.kind);
  if (kinds.includes("province")) return ["verified", "confirmed"];
  return kinds.some((kind) => kind === "district" || kind === "city") ? ["verified"] : [];
}

export function figure(value) {
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  return typeof value === "number" ? new Intl.NumberFormat(locale(), { maximumFractionDigits: 6 }).format(value) : String(value);
}

/** `3 days`, and `3 days ago` or `today`. */
export const days = (count) => new Intl.NumberFormat(locale(), { style: "unit", unit: "day", unitDisplay: "long" }).format(count);
export const daysAgo = (count) => new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(-count, "day");
