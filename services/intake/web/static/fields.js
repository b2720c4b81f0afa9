// The fields of a form: one unit at a time on a phone, a table of all units where there is room, which takes a paste.

import { field, h, say, select } from "./dom.js";
import { brokenSums, readings } from "./entry.js";
import { elementName, figure, known } from "./field.js";
import { plainNumber } from "./numbers.js";
import { paste } from "./paste.js";
import { periodName } from "./periods.js";
import { text } from "./plain.js";
import { isQuestion } from "./questions.js";
import { t } from "./words.js";

const ROOM = matchMedia("(min-width: 60rem)");
const keyOf = (unit, code) => `${unit} ${code}`;

export class Fields {
  constructor(entry, { changed, check }) {
    Object.assign(this, { entry, changed, remarks: new Map(), cells: new Map(), sums: new Map(), unit: entry.form.units[0].unit.code });
    this.body = h("div");
    this.keptHint = h("p", { class: "hint" }, t("enter_keeps"));
    const submit = (event) => {
      event.preventDefault();
      check();
    };
    this.element = h("form", { class: "card entry", onsubmit: submit, novalidate: true },
      h("h2", {}, text(entry.form.name), ", ", periodName(entry.period)), this.body, this.keptHint,
      h("p", { class: "actions" }, h("button", { class: "main" }, t("enter_check"))));
    ROOM.addEventListener("change", this.draw); // an element that is gone is drawn unseen
    this.draw();
  }

  get units() {
    return this.entry.form.units;
  }

  draw = () => {
    this.cells.clear();
    this.sums.clear();
    this.body.replaceChildren(...(ROOM.matches && this.units.length > 1 ? this.table() : this.single()));
    this.check();
  };

  /** One unit; where there are several, with the way to the others. */
  single() {
    const of = this.units.find(({ unit }) => unit.code === this.unit);
    const next = this.units[this.units.indexOf(of) + 1];
    const goTo = (code) => {
      this.unit = code;
      this.draw();
      (this.body.querySelector("select, input") ?? this.body).focus();
    };
    const mark = (one) => (Object.values(this.entry.values[one.unit.code] ?? {}).some((typed) => typed.trim()) ? " ✓" : "");
    const choice = select(this.units.map((one) => [one.unit.code, one.unit.name + mark(one)]), this.unit, (event) => goTo(event.target.value));
    const cells = of.elements.map((code) => {
      const { control, note, hint } = this.cell(of, code, [limits(code), former(of, code)].filter(Boolean).join(" · "));
      return h("div", { class: "field" }, h("label", { for: control.id }, elementName(code)), control, hint, note);
    });
    return [
      this.units.length > 1 ? field(t("enter_of"), choice) : h("h3", {}, of.unit.name),
      ...cells, this.sumsOf(of),
      next ? h("p", {}, h("button", { type: "button", onclick: () => goTo(next.unit.code) }, t("enter_next", next.unit.name))) : ""];
  }

  table() {
    const { elements } = this.entry.form;
    const row = (of) => h("tr", {},
      h("th", { scope: "row" }, of.unit.name),
      elements.map((code) => {
        if (!of.elements.includes(code)) return h("td");
        const { control, note, hint } = this.cell(of, code, former(of, code));
        control.setAttribute("aria-label", `${elementName(code)}, ${of.unit.name}`);
        return h("td", {}, control, hint, note);
      }),
      h("td", {}, this.sumsOf(of)));
    const head = elements.map((code) => h("th", { scope: "col" }, elementName(code), h("span", { class: "hint" }, limits(code))));
    return [
      h("p", { class: "hint" }, t("enter_paste_hint")), (this.pasted = h("div", { "aria-live": "polite" })),
      h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": text(this.entry.form.name) },
        h("table", { class: "cells", onpaste: (event) => this.paste(event) },
          h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("unit")), head, h("th", { scope: "col" }, t("enter_sums")))),
          h("tbody", {}, this.units.map(row))))];
  }

  cell(of, code, hintText) {
    const element = known.elements.get(code);
    const [unit, id] = [of.unit.code, `cell-${of.unit.code}-${code}`];
    const value = this.entry.values[unit]?.[code] ?? "";
    const typed = (event) => this.set(unit, code, event.target.value);
    const control = element.type === "yes_no"
      ? select([["", t("enter_no_answer")], ["yes", t("yes")], ["no", t("no")]], value, typed)
      : h("input", { type: "text", inputmode: element.type === "count" ? "numeric" : "decimal", autocomplete: "off", maxlength: 40, value, oninput: typed });
    const note = h("div", { class: "wrong", id: `${id}-note`, "aria-live": "polite" });
    const hint = h("p", { class: "hint", id: `${id}-hint` }, hintText);
    control.id = id;
    control.dataset.unit = unit;
    control.dataset.element = code;
    control.setAttribute("aria-describedby", `${hint.id} ${note.id}`);
    this.cells.set(keyOf(unit, code), { control, note, shown: "" });
    return { control, note, hint };
  }

  sumsOf(of) {
    const place = h("div", { "aria-live": "polite" });
    this.sums.set(of.unit.code, { place, shown: "" });
    return place;
  }

  /** Takes figures over into the fields: by unit and element, as they are written. */
  put(figures) {
    for (const [unit, code, written] of figures) {
      (this.entry.values[unit] ??= {})[code] = written;
      this.remarks.delete(keyOf(unit, code));
      const cell = this.cells.get(keyOf(unit, code));
      if (cell) cell.control.value = written;
    }
    this.changed();
    this.check();
  }

  set(unit, code, written) {
    this.put([[unit, code, written]]);
  }

  /** Shows beside each field what is wrong with it, and what sums do not agree. */
  check() {
    const typed = readings(this.entry);
    for (const of of this.units) {
      const own = typed.get(of.unit.code);
      const broken = brokenSums(of, own);
      for (const code of of.elements) this.note(of.unit.code, code, own[code], broken.some(({ elements }) => elements.includes(code)));
      const sums = this.sums.get(of.unit.code);
      const words = broken.map((one) => one.words);
      if (!sums || sums.shown === words.join()) continue;
      sums.shown = words.join();
      sums.place.replaceChildren(...words.map((one) => h("p", { class: "box bad" }, one)));
    }
  }

  note(unit, code, own, isInSum) {
    const cell = this.cells.get(keyOf(unit, code));
    if (!cell) return;
    const remark = own?.fault ?? this.remarks.get(keyOf(unit, code)) ?? null;
    cell.control.setAttribute("aria-invalid", String(Boolean(remark || own?.either || isInSum)));
    const shown = own?.either ? own.either.join() : (remark ?? "");
    if (cell.shown === shown) return;
    cell.shown = shown;
    cell.note.replaceChildren(...(own?.either ? this.question(unit, code, own.either) : [shown]));
  }

  /** Asks which of two numbers is meant. */
  question(unit, code, either) {
    const written = this.entry.values[unit][code];
    return [h("span", {}, t("enter_either", written)), ...either.map((value) =>
      h("button", { type: "button", onclick: () => this.set(unit, code, plainNumber(value)) }, figure(value)))];
  }

  /** Shows what intake says of single fields; questions stand in the preview. */
  showRemarks(faults) {
    this.remarks = new Map(faults.filter((one) => one.element && !isQuestion(one)).map((one) => [keyOf(one.unit, one.element), one.detail]));
    this.check();
  }

  showFault(unit) {
    if (this.unit !== unit) {
      this.unit = unit;
      this.draw();
    }
    say(t("enter_mend"));
    this.body.querySelector(`[data-unit="${unit}"][aria-invalid="true"]`)?.focus();
  }

  tellKept(isKept) {
    this.keptHint.className = isKept ? "hint" : "box warn";
    this.keptHint.textContent = t(isKept ? "enter_keeps" : "enter_is_not_kept");
  }

  paste(event) {
    const found = paste(event.clipboardData.getData("text/plain"), this.entry.form, event.target.dataset);
    if (!found) return; // a single figure goes where the cursor is
    event.preventDefault();
    if (found.figures.length) this.put(found.figures);
    this.pasted.replaceChildren(
      found.figures.length ? h("p", { class: "box good" }, t("enter_pasted", found.figures.length)) : "",
      found.trouble ? h("p", { class: "box bad", role: "alert" }, found.trouble) : "",
      found.left.length ? h("p", { class: "box warn" }, t("enter_not_pasted", found.left.join("; "))) : "");
  }
}

function limits(code) {
  const { type, unit, minimum, maximum } = known.elements.get(code);
  return type === "yes_no" ? "" : t("enter_limits", text(unit), figure(minimum), figure(maximum));
}

/** The figure that stands there, else that of the period before. */
function former(of, code) {
  const [stands, before] = [of.stands[code], of.before[code]];
  if (stands) return t("enter_stands", figure(stands.value));
  return before ? t("enter_before", periodName(before.period), figure(before.value)) : "";
}
