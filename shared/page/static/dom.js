// Builds elements. Texts of people become text nodes, never markup: this module has no other way.

import { t } from "./words.js";

/** An element: `h("p", {class: "hint", onclick: act}, "text", child)`; children that are null or false are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

let numbers = 0;

/** A labelled control, explained by `hint`. */
export function field(label, control, hint = null) {
  control.id ||= `field-${++numbers}`;
  const said = hint && h("p", { class: "hint", id: `${control.id}-hint` }, hint);
  if (said) control.setAttribute("aria-describedby", said.id);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, said);
}

/** A box to tick with its words beside it. */
export function tick(label, checked, act, attributes = {}) {
  return h("label", { class: "tick" }, h("input", { type: "checkbox", checked, onchange: act, ...attributes }), h("span", {}, label));
}

export function select(options, chosen, act = null) {
  const made = ([value, label]) =>
    Array.isArray(label)
      ? h("optgroup", { label: value }, label.map(made))
      : h("option", { value, selected: value === chosen }, label);
  return h("select", { onchange: act }, options.map(made));
}

const ROWS_AT_ONCE = 100;

/** A table that becomes a list of cards on a phone. `rows`: arrays of cells (text, or an element). */
export function table(caption, headers, rows) {
  const line = (cells) => h("tr", {}, cells.map((cell, at) => h("td", { "data-label": headers[at] }, h("div", {}, cell))));
  const body = h("tbody", {}, rows.slice(0, ROWS_AT_ONCE).map(line));
  const head = h("thead", {}, h("tr", {}, headers.map((header) => h("th", { scope: "col" }, header))));
  const made = h("table", {}, h("caption", { class: "unseen" }, caption), head, body);
  if (rows.length <= ROWS_AT_ONCE) return made;
  const showAll = (event) => {
    body.append(...rows.slice(ROWS_AT_ONCE).map(line));
    event.target.remove();
  };
  return h("div", {}, made, h("button", { type: "button", class: "plain", onclick: showAll }, t("all_rows", rows.length)));
}

export const badge = (text, tone) => h("span", { class: `badge ${tone}` }, text);

/** Shows a dialog, built by `fill(close)`; afterwards the focus returns to its place. */
export function dialog(title, fill) {
  const close = () => box.close();
  const heading = h("h2", { id: `title-${++numbers}` }, title);
  const dismiss = h("button", { type: "button", class: "plain dismiss", "aria-label": t("close"), onclick: close }, "×");
  const box = h("dialog", { "aria-labelledby": heading.id, onclose: () => box.remove() }, h("div", { class: "dialog-top" }, heading, dismiss), fill(close));
  document.body.append(box);
  box.showModal();
  return box;
}

/** Announces the words to users of screen readers too. */
export function say(text) {
  document.getElementById("said").textContent = text;
}
