// The list of alerts: it loads again by itself while the page shows it and nobody writes a note.

import { get, post, WATCHING } from "./api.js";
import { badge, dialog, field, h, say, table, tick } from "./dom.js";
import { day, may, moment, text, troubleBox } from "./plain.js";
import { t } from "./words.js";

const PAGE = 50;
const LOOK_SECONDS = 10;
const NOTE_LENGTH = 500;
const TONES = { urgent: "bad", warning: "warn", information: "calm" };
const NOTICE_TONES = { sent: "good", delivered: "good", permanent_failure: "bad", technical_failure: "bad", temporary_failure: "warn" };

/** Shows the open alerts, or all, in `main`; returns the function that leaves them. */
export function alerts(main, isOpen) {
  const found = h("div", {});
  let pages = 1;
  let onlyNew = false;
  let shown = "";
  let looks = 0;

  async function look(again = false, watching = false) {
    const number = ++looks; // an answer that a newer look has overtaken is not shown
    const items = [];
    let cursor = null;
    try {
      for (let at = 0; at < pages && (at === 0 || cursor); at++) {
        const asked = { open: isOpen || null, acknowledged: onlyNew ? "false" : null, limit: PAGE, cursor };
        const page = await get("/v1/alerts", asked, watching ? WATCHING : {});
        items.push(...page.items);
        cursor = page.next;
      }
    } catch (trouble) {
      if (number !== looks) return;
      shown = "";
      return found.replaceChildren(troubleBox(trouble, look));
    }
    const now = JSON.stringify([items, cursor]);
    if (number !== looks || (now === shown && !again)) return; // leave the list as it is for people who read it or hold a button
    shown = now;
    const more = () => {
      pages++;
      look();
    };
    found.replaceChildren(
      items.length ? list(items, look) : h("p", {}, t("none")),
      cursor ? h("button", { type: "button", class: "plain", onclick: more }, t("more")) : "");
  }

  const choose = (event) => {
    onlyNew = event.target.checked;
    pages = 1;
    look();
  };
  main.append(h("section", { class: "card" },
    h("h2", {}, t(isOpen ? "open_title" : "all_title")), isOpen && h("p", { class: "hint" }, t("open_hint")),
    tick(t("only_new"), false, choose), found));
  look();
  const timer = setInterval(() => document.hidden || document.querySelector("dialog") || look(false, true), LOOK_SECONDS * 1000);
  return () => clearInterval(timer);
}

function list(items, look) {
  const headers = [t("place"), t("what"), t("since"), t("care")];
  return table(t("open_title"), headers, items.map((one) => [
    h("b", { class: "place" }, `${one.unit.name} (${one.unit.code})`),
    [h("p", {}, badge(t(`severity_${one.severity}`), TONES[one.severity]), " ", h("b", {}, text(one.what)), one.sample && [" ", badge(t("sample_one"), "plain")]),
      h("p", { class: "hint words" }, text(one.reason)),
      h("button", { type: "button", class: "plain", "data-told": one.id, onclick: () => showTold(one) }, t("told"))],
    h("time", { datetime: one.on }, day(one.on)),
    care(one, look)]));
}

function care(one, look) {
  if (one.acknowledged_at) {
    return [h("p", {}, h("b", {}, `✓ ${one.acknowledged_name ?? one.acknowledged_by}`)), h("p", { class: "hint" }, moment(one.acknowledged_at)),
      one.acknowledged_note && h("p", { class: "words" }, one.acknowledged_note)];
  }
  if (!one.is_open) return badge(t("over"), "plain");
  return [h("p", { class: "hint" }, t("nobody")),
    may("POST /v1/alerts/{alert_id}/acknowledge") && h("button", { type: "button", "data-acknowledge": one.id, onclick: () => acknowledge(one, look) }, t("acknowledge"))];
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

function notices(items, one) {
  const headers = [t("recipient"), t("channel"), t("state"), t("time")];
  return table(t("told"), headers, items.map((notice) => {
    const left = notice.alerts.find((alert) => alert.alert === one.id)?.left_out;
    return [
      [notice.name || notice.recipient, notice.step > 0 && h("p", { class: "hint" }, t("climbed", notice.step))],
      [t(`channel_${notice.channel}`), notice.address && h("p", { class: "hint" }, notice.address)],
      [badge(t(`status_${notice.status}`), NOTICE_TONES[notice.status] ?? "calm"),
        left ? h("p", { class: "hint" }, t("left_out", text(left))) : notice.reason && h("p", { class: "hint" }, text(notice.reason))],
      moment(notice.attempts.at(-1)?.finished_at ?? notice.created_at)];
  }));
}
