// The parts that every page shows alike: days, moments, words in two languages, and problems.

import { h } from "./dom.js";
import { language, locale, t } from "./words.js";

/** The facts in the shell: `titleVi`, `titleEn`, `password` (whether the person has one here), `refused` (operations), `province`, `sample`, `today`, and those of the page's service. */
export const page = document.documentElement.dataset;

/** Whether the role of the person may do this operation (`POST /v1/uploads`), within units and criteria that the API keeps. */
export const may = (operation) => !page.refused.split(",").includes(operation);

export const text = (bilingual) => bilingual[language()];

const DATE = { vi: { day: "2-digit", month: "2-digit", year: "numeric" }, en: { day: "numeric", month: "short", year: "numeric" } };
export const day = (date) => new Intl.DateTimeFormat(locale(), { ...DATE[language()], timeZone: "UTC" }).format(new Date(date));

export function moment(time) {
  const format = { ...DATE[language()], hour: "2-digit", minute: "2-digit", timeZone: "Asia/Ho_Chi_Minh" };
  return h("time", { datetime: time }, new Intl.DateTimeFormat(locale(), format).format(new Date(time)));
}

/** A problem document in words, each fault with its place; a button for `again` where repeating may help. */
export function troubleBox(trouble, again = null) {
  if (!trouble.document) throw trouble;
  const { title, detail, errors = [], omitted } = trouble.document;
  const place = (error) => error.cell && [h("b", {}, error.cell), error.sheet ? ` (${error.sheet}): ` : ": "];
  return h("div", { class: "box bad", role: "alert", tabindex: "-1" },
    h("p", {}, h("b", {}, title)),
    errors.length > 1 || errors[0]?.cell
      ? h("ul", {}, errors.map((error) => h("li", {}, place(error), error.detail)), omitted && h("li", {}, t("omitted", omitted)))
      : detail && h("p", {}, detail),
    trouble.retryAfter && h("p", {}, t("retry_after", trouble.retryAfter)),
    again && trouble.passes && h("button", { type: "button", onclick: again }, t("again")));
}

/** Keeps what was chosen in the address, so that a link to it can be shared; null: nothing was chosen. */
export function keep(chosen) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(chosen)) value === null ? query.delete(name) : query.set(name, value);
  history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}${location.hash}`);
}
