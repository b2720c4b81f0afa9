// A form that somebody fills in: what was typed means which figures, whether they keep limits and sums, and its file.

import { figure, known } from "./field.js";
import { plainNumber, readNumbers } from "./numbers.js";
import { text } from "./plain.js";
import { t } from "./words.js";

const YES_NO = { yes: true, no: false };
const WRITTEN = new Map([[true, "Có"], [false, "Không"]]);

/** The typed figures by unit and element, each `{value}`, `{either}` or `{fault}`; a blank one is left out. */
export function readings({ form, values }) {
  const found = new Map(form.units.map(({ unit }) => [unit.code, {}]));
  for (const code of form.elements) {
    const element = known.elements.get(code);
    const typed = form.units.map(({ unit }) => values[unit.code]?.[code] ?? "");
    const read = element.type === "yes_no"
      ? typed.map((word) => (word in YES_NO ? { value: YES_NO[word] } : null))
      : readNumbers(typed, element.type === "count");
    read.forEach((one, at) => {
      if (one) found.get(form.units[at].unit.code)[code] = { ...one, fault: faultOf(one, element) };
    });
  }
  return found;
}

function faultOf({ value, either }, element) {
  if (either || element.type === "yes_no") return null;
  if (value === undefined) return t("enter_no_number");
  if (element.type === "count" && !Number.isInteger(value)) return t("enter_not_whole");
  if (value < element.minimum) return t("enter_too_small", figure(element.minimum));
  return value > element.maximum ? t("enter_too_great", figure(element.maximum)) : null;
}

/** What the sums of the catalogue say against the figures of one unit, with those that stand there already. */
export function brokenSums(of, typed) {
  const figures = { ...valuesOf(of.stands), ...valuesOf(typed) };
  return known.catalogue.sums
    .filter(({ parts, whole }) => [...parts, whole].some((code) => code in typed))
    .map((rule) => broken(rule, figures))
    .filter(Boolean);
}

const valuesOf = (figures) => Object.fromEntries(Object.entries(figures).filter(([, one]) => typeof one.value === "number").map(([code, one]) => [code, one.value]));
const exactly = (sum) => Math.round(sum * 1e6);

function broken({ parts, whole, relation, reason }, figures) {
  const given = parts.filter((code) => code in figures);
  if (!(whole in figures) || !given.length) return null;
  const total = exactly(given.reduce((sum, code) => sum + figures[code], 0));
  const isEqual = relation === "equal" && given.length === parts.length;
  const isKept = isEqual ? total === exactly(figures[whole]) : total <= exactly(figures[whole]);
  if (isKept) return null;
  const name = (code) => text(known.elements.get(code).name);
  return { elements: [...given, whole], words: t("enter_sum", given.map(name).join(" + "), figure(total / 1e6), name(whole), figure(figures[whole]), text(reason)) };
}

/** The figures as the file that intake takes: a row for each unit that has some. */
export function fileOf(entry) {
  const { form, period } = entry;
  const written = (value) => (typeof value === "boolean" ? WRITTEN.get(value) : plainNumber(value));
  const rows = [...readings(entry)].filter(([, of]) => Object.keys(of).length)
    .map(([unit, of]) => [unit, period, ...form.elements.map((code) => (of[code] ? written(of[code].value) : ""))]);
  return new TextEncoder().encode([["unit", "period", ...form.elements], ...rows].map((row) => row.join(";")).join("\n"));
}
