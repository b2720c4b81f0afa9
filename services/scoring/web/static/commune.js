// A commune: its criteria, the worst first, each with its reason and its values over the year; what has happened.

import { get, WATCHING } from "./api.js";
import { field, h } from "./dom.js";
import { follow } from "./live.js";
import { measure } from "./measure.js";
import { periodName } from "./periods.js";
import { day, may, page, text, troubleBox } from "./plain.js";
import { tryFigures } from "./try_figures.js";
import { amount } from "./values.js";
import { becomes, status, STATUSES } from "./verdicts.js";
import { t } from "./words.js";

const READ_SECONDS = 2;

/** The address of a commune, as it stands today or on a day (`at`). */
export const addressOf = (unit, at = null) => `?unit=${encodeURIComponent(unit.code)}${at ? `&as_of=${at}` : ""}#commune`;
export const linkTo = (unit) => h("a", { href: addressOf(unit) }, unit.name);
const asked = (name = "unit") => new URLSearchParams(location.search).get(name);

/** Shows the commune that the address names in `main`, and finds others; returns the function that leaves it. */
export function commune(main) {
  const headline = h("div", { class: "headline" });
  const found = h("section", { class: "card", hidden: true });
  const card = h("section", { class: "card", hidden: !asked() }, h("p", { class: "loading" }, t("loading")));
  const words = h("input", { type: "search", required: true, minlength: 1, maxlength: 100, autocomplete: "off" });

  async function search(event) {
    event.preventDefault();
    found.hidden = false;
    try {
      const { items } = await get("/v1/statuses", { q: words.value, form: "short", limit: 2000 });
      const units = new Map(items.map((one) => [one.unit.code, one]));
      const places = [...units.values()].map((one) => h("li", {}, linkTo(one.unit), one.district && h("span", { class: "hint" }, ` ${one.district.name}`)));
      found.replaceChildren(places.length ? h("ul", { class: "places" }, places) : h("p", {}, t("nobody_found", words.value)));
    } catch (trouble) {
      found.replaceChildren(troubleBox(trouble));
    }
  }

  function draw(view) {
    const open = new Set([...card.querySelectorAll("details[open]")].map((one) => one.dataset.key));
    const tried = new Map([...card.querySelectorAll(".try[open]")].map((one) => [one.dataset.of, one]));
    const focused = card.querySelector(".try :focus");
    drawCommune(card, view, open, tried);
    focused?.focus();
  }

  const form = h("form", { class: "find", role: "search", onsubmit: search }, field(t("find_commune"), words, t("find_hint")), h("button", {}, t("find")));
  main.append(headline, h("section", { class: "card" }, form), found, card);
  const unit = asked();
  if (!unit) return null;
  return follow({
    headline, card, draw, seconds: READ_SECONDS,
    read: () => get(`/v1/communes/${encodeURIComponent(unit)}`, { as_of: asked("as_of") }, WATCHING),
    hears: (items) => items.some((one) => one.unit.code === unit),
  });
}

/** `open`: the criteria that are open; `tried`: the forms in which somebody tries figures, which stay as they are. */
function drawCommune(card, view, open, tried) {
  const counts = STATUSES.map((word) => [word, view.statuses.filter((one) => one.status === word).length]).filter(([, count]) => count);
  const ordered = [...view.statuses].sort((one, other) => STATUSES.indexOf(one.status) - STATUSES.indexOf(other.status));
  card.replaceChildren(h("div", {},
    h("h2", {}, view.unit.name, view.district && h("span", { class: "hint" }, ` ${view.district.name}`)),
    asked("as_of") && h("p", { class: "box warn" }, t("shown_at", day(view.as_of))),
    h("p", {}, counts.map(([word, count]) => `${count} ${t(`status_${word}`)}`).join(" · ")),
    evidenceLink(view.unit) || "",
    view.related.length > 0 && h("ul", { class: "related" }, view.related.map(related)),
    h("h3", {}, t("criteria_title")),
    ...ordered.map((one) => criterion(view, one, open, tried)),
    h("h3", {}, t("happened_title")),
    view.changes.length ? h("ul", { class: "changes" }, view.changes.slice(0, 50).map((change) => happened(change, view.statuses))) : h("p", {}, t("no_changes"))));
}

/** Where intake's page is known: the commune's evidence and dossier stand there. */
function evidenceLink({ code }) {
  const { intake } = JSON.parse(page.pages);
  return intake && h("p", {}, h("a", { href: `${intake}?commune=${encodeURIComponent(code)}#dossiers` }, t("evidence_of_commune")));
}

function related({ unit, direction, on, whole, shown_at: at }) {
  const name = at ? h("a", { href: addressOf(unit, at) }, unit.name) : unit.name;
  return h("li", {}, `${day(on)}: ${t(`${direction}_${whole ? "whole" : "part"}`)} `, name);
}

function criterion(view, one, open, tried) {
  const { unit } = view;
  const charts = h("div", {});
  const show = async (event) => {
    if (!event.target.open || charts.childElementCount) return;
    try {
      const series = await get("/v1/series", { unit: unit.code, criterion: one.criterion.key, to: asked("as_of") }, WATCHING);
      charts.replaceChildren(...series.lines.map(measure));
    } catch (trouble) {
      charts.replaceChildren(troubleBox(trouble));
    }
  };
  const parts = one.assessment?.parts ?? [];
  const values = parts.filter((part) => part.value !== null).map((part) => amount(part.value, part.measured_in)).join("; ");
  return h("details", { "data-key": one.criterion.key, open: open.has(one.criterion.key), ontoggle: show },
    h("summary", {}, status(one.status), " ", h("b", {}, `${one.criterion.key.replace(/^ntm-/, "")}. ${text(one.criterion.name)}`), values && h("span", { class: "hint" }, ` ${values}`)),
    one.assessment && h("p", { class: "words" }, text(one.assessment.reason)),
    one.overdue.length > 0 && h("p", { class: "box warn" }, t("overdue_for", one.overdue.map(periodName).join(", "))),
    charts,
    tried.get(one.criterion.key) ?? (may("POST /v1/what-if") && !asked("as_of") && tryFigures(view, one)));
}

function happened(change, statuses) {
  const known = statuses.find((one) => one.criterion.key === change.topic);
  return h("li", {}, h("b", {}, day(change.on)), ` ${known ? text(known.criterion.name) : change.topic} `,
    change.before !== change.after ? becomes(status(change.before), status(change.after)) : status(change.after),
    h("p", { class: "hint words" }, text(change.reason)));
}
