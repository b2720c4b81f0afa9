// Reports that are due: by report with its periods, and in it by district, with who is missing and whose was returned.

import { get } from "./api.js";
import { badge, h } from "./dom.js";
import { preselect } from "./enter.js";
import { covers, known, reportedCriteria } from "./field.js";
import { periodName } from "./periods.js";
import { day, may, text, troubleBox } from "./plain.js";
import { follow, refresh } from "./receipts.js";
import { t } from "./words.js";

const [NAMES_SHOWN, LATER_SECONDS] = [5, 60];

export function show(root) {
  const list = h("div", {}, h("p", {}, t("loading")));
  root.append(h("section", { class: "card" }, h("h2", {}, t("due_title")), h("p", { class: "hint" }, t("due_hint")), list));
  let shown = null;

  async function look() {
    try {
      const { items } = await get("/v1/reports-due");
      const found = JSON.stringify(items);
      if (found === shown) return;
      shown = found;
      const open = new Set([...list.querySelectorAll("details[open]")].map((one) => one.dataset.key));
      refresh(list, ...(items.length ? groups(items) : [h("p", {}, t("due_none"))]));
      list.querySelectorAll("details").forEach((one) => (one.open = open.has(one.dataset.key)));
    } catch (trouble) {
      shown = null;
      refresh(list, troubleBox(trouble, look));
    }
  }

  return follow(async () => {
    await look();
    return LATER_SECONDS;
  });
}

/** The reports under their headings: overdue ones, those that only have to be corrected, those still to come. */
function groups(items) {
  const reports = new Map();
  for (const one of items) {
    const kind = one.overdue ? "due_overdue" : one.missing.length || one.never_reported || !one.returned.length ? "due_to_come" : "due_returned";
    const key = [kind, one.report, one.period].join(" ");
    reports.set(key, { kind, periods: [one.period], of: [...(reports.get(key)?.of ?? []), one] });
  }
  const all = together([...reports.values()]);
  return ["due_overdue", "due_returned", "due_to_come"].flatMap((kind) => {
    const own = all.filter((report) => report.kind === kind);
    return own.length ? [h("h3", {}, t(kind)), h("ul", { class: "dues" }, own.map(item))] : [];
  });
}

/** The periods of a report that the same units owe, in one: the oldest is due first. */
function together(reports) {
  const alike = new Map();
  for (const { kind, periods, of } of reports) {
    const units = of.map((one) => [one.district, one.expected, one.missing, one.returned, one.never_reported]);
    const key = JSON.stringify([kind, of[0].report, units]);
    const known = alike.get(key);
    if (known) known.periods.push(...periods);
    else alike.set(key, { kind, periods, of });
  }
  return [...alike.values()];
}

/** One report with its periods. Of several districts they are folded. */
function item({ kind, periods, of }) {
  const [first] = of;
  const [oldest] = periods;
  const key = `${kind} ${first.report} ${first.period}`;
  const report = known.catalogue.reports.find(({ id }) => id === first.report);
  const mayReport = may("POST /v1/uploads") && report && reportedCriteria(report).length > 0;
  const send = (event) => {
    event.preventDefault();
    preselect(first.report, oldest, of.length === 1 && covers(first.district?.code) ? first.district.code : null);
    location.hash = "enter";
  };
  const sum = (name) => of.reduce((total, one) => total + one[name], 0);
  const due = t(periods.length > 1 ? "due_first" : "due_by", day(first.due));
  return h("li", {},
    h("p", {},
      h("b", {}, text(first.name)), " · ", periods.map(periodName).join(", "), " · ", kind === "due_overdue" ? badge(due, "bad") : due, " ",
      mayReport && h("a", { href: "#enter", "data-id": `send ${key}`, "aria-label": t("due_send_of", text(first.name), periodName(oldest)), onclick: send }, t("due_send"))),
    of.length === 1
      ? standing(first)
      : h("details", { "data-key": key },
          h("summary", {}, t("due_districts", of.length), " · ", sum("expected") ? t("due_in_all", sum("arrived"), sum("expected")) : t("due_nobody")),
          h("ul", {}, [...of].sort((a, b) => b.missing.length - a.missing.length).map((one) => h("li", {}, standing(one))))));
}

/** How a district stands: how many are in, and by name who is missing and whose was returned. */
function standing(one) {
  const isItsOwn = one.expected === 1 && one.missing.length === 1 && one.missing[0].key === one.district?.key;
  if (isItsOwn) return h("p", {}, h("b", {}, one.district.name), ": ", t("due_not_in"));
  const isOfCommunes = one.criteria.length > 0;
  return h("div", {},
    h("p", {},
      one.district && [h("b", {}, one.district.name), ": "],
      one.expected ? t(isOfCommunes ? "due_in" : "due_in_offices", one.arrived, one.expected) : t("due_nobody"),
      one.never_reported > 0 && one.expected > 0 && h("span", { class: "hint" }, ` · ${t("due_never", one.never_reported)}`)),
    names("due_missing", one.missing, `${one.report} ${one.period} ${one.district?.code} missing`),
    names("due_sent_back", one.returned, `${one.report} ${one.period} ${one.district?.code} returned`));
}

function names(word, units, key) {
  if (!units.length) return null;
  const all = units.map(({ name }) => name).join(", ");
  if (units.length <= NAMES_SHOWN) return h("p", { class: "hint" }, `${t(word)}: ${all}`);
  return h("details", { "data-key": key }, h("summary", {}, `${t(word)}: ${units.length}`), h("p", { class: "hint" }, all));
}
