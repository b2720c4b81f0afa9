// A paste from a spreadsheet into the table of a form.

import { elementName, known } from "./field.js";
import { t } from "./words.js";

const KINDS = /^(xa|phuong|thi tran|thanh pho|huyen)\s+/;
const plain = (words) => words.normalize("NFD").replace(/\p{M}/gu, "").replace(/đ/gi, "d").toLowerCase().replace(/\s+/g, " ").trim().replace(KINDS, "");
const NO_ANSWERS = { co: "yes", x: "yes", dat: "yes", yes: "yes", khong: "no", "chua dat": "no", no: "no" };

/**
 * Returns the pasted figures by unit and element, what had no place (`left`), and why nothing was taken (`trouble`);
 * null where a single figure was pasted. Rows that name their unit, by code or name, go to it; the others go down from
 * the field `at`.
 */
export function paste(pasted, form, at) {
  const rows = pasted.replace(/(\r?\n)+$/, "").split(/\r?\n/).map((line) => line.split("\t"));
  if (!at.unit || (rows.length === 1 && rows[0].length === 1)) return null;
  const units = namesOf(form.units);
  const naming = Math.max(...rows.map((row) => row.findLastIndex((cell) => units.get(plain(cell)))));
  const first = naming + 1;
  const from = form.elements.indexOf(at.element);
  const columns = Math.max(...rows.map((row) => row.length)) - first;
  if (from + columns > form.elements.length) return { figures: [], left: [], trouble: t("enter_paste_wide", columns, form.elements.length - from) };
  const start = form.units.findIndex(({ unit }) => unit.code === at.unit);
  if (!first && start + rows.length > form.units.length) return { figures: [], left: [], trouble: t("enter_paste_long", rows.length, form.units.length - start) };
  const [figures, left] = [[], []];
  rows.forEach((row, number) => {
    const of = first ? row.slice(0, first).map((cell) => units.get(plain(cell))).find(Boolean) : form.units[start + number];
    const filled = row.slice(first).some((cell) => cell.trim());
    if (!of && filled) left.push(row.slice(0, first).filter((cell) => cell.trim()).join(" ") || t("enter_paste_row", number + 1));
    row.slice(first).forEach((cell, column) => {
      const code = form.elements[from + column];
      if (!of || !cell.trim()) return;
      if (of.elements.includes(code)) figures.push([of.unit.code, code, written(cell.trim(), code)]);
      else left.push(`${of.unit.name}, ${elementName(code)}`);
    });
  });
  return { figures, left, trouble: null };
}

const written = (cell, code) => (known.elements.get(code).type === "yes_no" ? (NO_ANSWERS[plain(cell)] ?? "") : cell);

/** The units by code and by name; a name that two of them have names none. */
function namesOf(units) {
  const found = new Map();
  for (const of of units) {
    for (const name of new Set([of.unit.code, String(Number(of.unit.code)), plain(of.unit.name)])) found.set(name, found.has(name) ? null : of);
  }
  return found;
}
