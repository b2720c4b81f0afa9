// The list of alerts by commune: it loads again by itself while the page shows it and nobody writes a note.

import { get, post, WATCHING } from "./api.js";
import { badge, dialog, field, h, say, select, table, tick } from "./dom.js";
import { day, keep, may, moment, text, troubleBox } from "./plain.js";
import { notices } from "./ledger.js";
import { endButton, silenceButton } from "./silence.js";
import { t } from "./words.js";

const PAGE = 200;
const LOOK_SECONDS = 10;
const NOTE_LENGTH = 500;
const UNFOLDED = 3; // so many communes stand open from the beginning
const SEVERITIES = ["urgent", "warning", "information"];
const TONES = { urgent: "bad", warning: "warn", information: "calm" };

/** Shows the open alerts, or all, in `main`; returns the function that leaves them. */
export function alerts(main, isOpen) {
  const asked = new URLSearchParams(location.search); // a link shows others the same
  const chosen = { unit: asked.get("unit"), criterion: asked.get("criterion"), severity: asked.get("severity"), new: asked.get("new") };
  const folds = new Map(); // by commune, whether somebody has opened or closed it
  const filters = h("div", { class: "filters" });
  const found = h("div", {});
  const silent = h("div", {});
  let pages = 1;
  let shown = "";
  let looks = 0;

  const isNew = () => (chosen.new ? "false" : null);

  async function look(again = false, watching = false) {
    const number = ++looks; // an answer that a newer look has overtaken is not shown
    const headers = watching ? WATCHING : {};
    const items = [];
    let cursor = null;
    let counts = null;
    let silences = null;
    try {
      [counts, silences] = await Promise.all([
        get("/v1/alerts/counts", { open: isOpen || null, acknowledged: isNew() }, headers),
        isOpen ? get("/v1/silences", {}, headers) : { items: [] }]);
      const { unit, criterion, severity } = chosen;
      for (let at = 0; at < pages && (at === 0 || cursor); at++) {
        const query = { open: isOpen || null, acknowledged: isNew(), unit, criterion, severity, limit: PAGE, cursor };
        const page = await get("/v1/alerts", query, headers);
        items.push(...page.items);
        cursor = page.next;
      }
    } catch (trouble) {
      if (number !== looks) return;
      shown = "";
      if (counts) drawFilters(counts.items);
      return found.replaceChildren(troubleBox(trouble, look));
    }
    const now = JSON.stringify([items, cursor, counts, silences]);
    if (number !== looks || (now === shown && !again)) return; // leave the list as it is for people who read it or hold a button
    shown = now;
    const more = () => {
      pages++;
      look();
    };
    drawFilters(counts.items);
    silent.replaceChildren(silences.items.length ? listOfSilences(silences.items, look) : "");
    found.replaceChildren(
      h("p", { role: "status" }, told(counts.items.filter(fits(chosen)))),
      ...communes(items, folds, look),
      cursor ? h("button", { type: "button", class: "plain", onclick: more }, t("more")) : "");
  }

  function choose(what) {
    Object.assign(chosen, what);
    keep(what);
    pages = 1;
    look();
  }

  /** Each choice says how many alerts it would show beside what is chosen elsewhere. */
  function drawFilters(counts) {
    const held = filters.contains(document.activeElement) ? document.activeElement.name : null;
    const chooser = (name, label, everything, options) => {
      const known = sums(counts.filter(fits({ ...chosen, [name]: null })), options);
      if (chosen[name] && !known.has(chosen[name])) known.set(chosen[name], [chosen[name], 0]);
      if (known.size < 2 && !chosen[name]) return null;
      const items = [...known].map(([value, [words, count]]) => [value, `${words} (${count})`]);
      const control = select([["", everything], ...items], chosen[name] ?? "", (event) => choose({ [name]: event.target.value || null }));
      control.name = name;
      return field(label, control);
    };
    filters.replaceChildren(...[
      chooser("unit", t("district"), t("all_districts"), (one) => one.district && [one.district.code, one.district.name]),
      chooser("criterion", t("criterion"), t("all_criteria"), (one) => one.criterion && [one.criterion.key, `${numberOf(one.criterion.key)} ${text(one.criterion.name)}`]),
      chooser("severity", t("severity"), t("all_severities"), (one) => [one.severity, t(`severity_${one.severity}`)]),
    ].filter(Boolean));
    if (held) filters.querySelector(`[name=${held}]`)?.focus();
  }

  main.append(h("section", { class: "card" },
    h("h2", {}, t(isOpen ? "open_title" : "all_title")), isOpen && h("p", { class: "hint" }, t("open_hint")), silent, filters,
    tick(t("only_new"), Boolean(chosen.new), (event) => choose({ new: event.target.checked ? "true" : null })), found));
  look();
  const timer = setInterval(() => document.hidden || document.querySelector("dialog") || look(false, true), LOOK_SECONDS * 1000);
  return () => clearInterval(timer);
}

const numberOf = (key) => (key.startsWith("ntm-") ? key.slice(4) : key);

/** Whether a count is of what was chosen. */
const fits = ({ unit, criterion, severity }) => (one) =>
  (!unit || one.district?.code === unit) && (!criterion || one.criterion?.key === criterion) && (!severity || one.severity === severity);

/** The words and the number of alerts of each value, in the order of the values; severities by their weight. */
function sums(counts, optionOf) {
  const known = new Map();
  for (const one of counts) {
    const option = optionOf(one);
    if (!option) continue;
    const [value, words] = option;
    known.set(value, [words, (known.get(value)?.[1] ?? 0) + one.alerts]);
  }
  const place = (value) => SEVERITIES.indexOf(value);
  const before = ([a], [b]) => place(a) - place(b) || a.localeCompare(b, undefined, { numeric: true });
  return new Map([...known].sort(before));
}

/** How many alerts there are, and how severe they are. */
function told(counts) {
  const all = counts.reduce((sum, one) => sum + one.alerts, 0);
  if (!all) return t("none");
  return [h("b", {}, t("in_all", all)), ...[...sums(counts, (one) => [one.severity, ""])].map(([value, [, count]]) => [" ", severity(value, count)])];
}

const severity = (value, count) => badge(`${count} ${t(`severity_${value}`)}`, TONES[value]);

/** The alerts of each commune, the worst first, else the newest; folded where there are many communes. */
function communes(items, folds, look) {
  const groups = new Map();
  for (const one of items) groups.set(one.unit.code, [...(groups.get(one.unit.code) ?? []), one]);
  const worst = (group) => Math.min(...group.map((one) => SEVERITIES.indexOf(one.severity)));
  return [...groups].sort(([, a], [, b]) => worst(a) - worst(b)).map(([code, group]) => {
    const [{ unit, district }] = group;
    const isOpen = folds.get(code) ?? groups.size <= UNFOLDED;
    const waiting = group.filter((one) => one.is_open && !one.acknowledged_at).length;
    const counts = SEVERITIES.map((value) => [value, group.filter((one) => one.severity === value).length]).filter(([, count]) => count);
    const fold = (event) => folds.set(code, event.target.open);
    return h("details", { class: "commune", "data-unit": code, open: isOpen, ontoggle: fold },
      h("summary", {}, h("b", {}, unit.name), district && district.code !== code && h("span", { class: "hint" }, ` ${district.name}`),
        ...counts.map(([value, count]) => [" ", severity(value, count)]),
        waiting > 0 && h("span", { class: "hint" }, ` ${t("waiting", waiting)}`)),
      h("ul", { class: "dues" }, group.map((one) => item(one, look))));
  });
}

function item(one, look) {
  const isLong = text(one.brief) !== text(one.reason);
  return h("li", { "data-alert": one.id },
    h("p", {}, badge(t(`severity_${one.severity}`), TONES[one.severity]), " ", h("b", {}, text(one.what)), one.sample && [" ", badge(t("sample_one"), "plain")],
      h("span", { class: "hint" }, ` ${t("since")} `, h("time", { datetime: one.on }, day(one.on)))),
    h("p", { class: "hint words" }, text(one.brief)),
    one.notes.length > 0 && h("ul", { class: "notes" }, one.notes.map((note) => h("li", {},
      h("b", {}, note.by), h("span", { class: "hint" }, ` ${t("answered")} `, moment(note.at)), h("p", { class: "words" }, note.words)))),
    isLong && h("details", {}, h("summary", { class: "hint" }, t("whole_reason")), h("p", { class: "hint words" }, text(one.reason))),
    care(one, look));
}

/** Who takes care of an alert, and what can be done with it: of one that is over nothing is left to do. */
function care(one, look) {
  const toldOf = h("button", { type: "button", class: "plain", "data-told": one.id, onclick: () => showTold(one) }, t("told"));
  const taken = one.acknowledged_at && [
    h("p", {}, h("b", {}, `✓ ${one.acknowledged_name ?? one.acknowledged_by}`), h("span", { class: "hint" }, " ", moment(one.acknowledged_at))),
    one.acknowledged_note && h("p", { class: "words" }, one.acknowledged_note)];
  const offered = one.is_open && !taken && may("POST /v1/alerts/{alert_id}/acknowledge");
  return [taken, h("div", { class: "offers" },
    offered && h("button", { type: "button", "data-acknowledge": one.id, onclick: () => acknowledge(one, look) }, t("acknowledge")),
    toldOf,
    one.is_open && silenceButton(one, () => look(true)),
    !taken && (one.is_open ? h("span", { class: "hint" }, t("nobody")) : badge(t("over"), "plain")))];
}

/** What is not told for now, until when, why, and who decided so. */
function listOfSilences(items, look) {
  return h("details", { class: "box", "data-silences": items.length },
    h("summary", {}, t("silences", items.length)),
    h("ul", {}, items.map((one) => h("li", {},
      h("b", {}, text(one.what)), ` ${t("since")} `, moment(one.starts_at), ` ${t("silent_until")} `, moment(one.ends_at),
      h("p", { class: "hint words" }, t("silent_because", one.author_name ?? one.author, one.reason)), endButton(one, () => look(true))))));
}

function acknowledge(one, look) {
  const note = h("textarea", { rows: 3, maxlength: NOTE_LENGTH });
  const wrong = h("div", {});
  dialog(t("acknowledge_title"), (close) => {
    const submit = async (event) => {
      event.preventDefault();
      event.submitter.disabled = true;
      try {
        await post(`/v1/alerts/${one.id}/acknowledge`, { note: note.value.trim() || null });
      } catch (trouble) {
        event.submitter.disabled = false;
        return wrong.replaceChildren(troubleBox(trouble));
      }
      close();
      say(t("acknowledged"));
      look(true);
    };
    return h("form", { onsubmit: submit },
      h("p", {}, h("b", {}, `${one.unit.name} (${one.unit.code})`), ` ${text(one.what)}`), h("p", { class: "hint" }, t("acknowledge_hint")),
      field(t("note"), note, t("note_hint")), wrong, h("div", { class: "actions" }, h("button", { class: "main" }, t("acknowledge"))));
  });
}

/** Shows the notices of an alert: to whom, when, by which channel, and the reasons for failures. */
function showTold(one) {
  const found = h("div", {}, h("p", { class: "loading" }, t("loading")));
  dialog(t("told"), () => [h("p", {}, h("b", {}, `${one.unit.name} (${one.unit.code})`), ` ${text(one.what)}`), found]);
  const ask = () => get("/v1/notices", { alert: one.id, limit: 200 }).then(
    ({ items }) => found.replaceChildren(items.length ? notices(items, one) : h("p", {}, t("told_none"))),
    (trouble) => found.replaceChildren(troubleBox(trouble, ask)));
  ask();
}
