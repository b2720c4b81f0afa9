// The ledger of notices: how many went out and failed in the last days, by channel with the cost, and each of them.

import { get } from "./api.js";
import { badge, field, h, select, table } from "./dom.js";
import { moment, text, troubleBox } from "./plain.js";
import { t } from "./words.js";

const PAGE = 20;
const DAYS = 30;
const TONES = { sent: "good", delivered: "good", permanent_failure: "bad", technical_failure: "bad", temporary_failure: "warn" };
const STATUSES = ["sent", "delivered", "created", "sending", "temporary_failure", "technical_failure", "permanent_failure", "withheld"];
const GROUPS = { went_out: ["sent", "delivered"], waiting_for: ["created", "sending", "temporary_failure"], failed: ["permanent_failure", "technical_failure"], kept_back: ["withheld"] };

/** Shows the ledger in `main`. */
export function ledger(main) {
  const totals = h("div", {}, h("p", { class: "loading" }, t("loading")));
  const found = h("div", {});
  const since = new Date(Date.now() - DAYS * 86_400_000).toISOString();
  let status = null;
  let shown = [];
  let looks = 0;

  async function count() {
    try {
      totals.replaceChildren(counted((await get("/v1/notices/totals", { since })).items));
    } catch (trouble) {
      totals.replaceChildren(troubleBox(trouble, count));
    }
  }

  async function look(cursor = null) {
    const mine = ++looks; // an answer that a newer choice has overtaken is not shown
    try {
      const page = await get("/v1/notices", { since, status, limit: PAGE, cursor });
      if (mine !== looks) return;
      shown = cursor ? [...shown, ...page.items] : page.items;
      found.replaceChildren(
        shown.length ? notices(shown) : h("p", {}, t("no_notices")),
        page.next ? h("button", { type: "button", class: "plain", onclick: () => look(page.next) }, t("more")) : "");
    } catch (trouble) {
      if (mine === looks) found.replaceChildren(troubleBox(trouble, () => look(cursor)));
    }
  }

  const choices = [["", t("all_states")], ...STATUSES.map((one) => [one, t(`status_${one}`)])];
  const choose = (event) => {
    status = event.target.value || null;
    look();
  };
  main.append(
    h("section", { class: "card" }, h("h2", {}, t("totals_title", DAYS)), totals),
    h("section", { class: "card" }, h("h2", {}, t("notices_title", DAYS)),
      h("div", { class: "filters" }, field(t("state"), select(choices, "", choose))), found));
  count();
  look();
}

/** The totals by channel: what went out, waits, failed, was kept back; the SMS and what they cost. */
function counted(items) {
  if (!items.length) return h("p", {}, t("no_notices"));
  const channels = [...new Set(items.map((one) => one.channel))].sort();
  const sum = (own, name) => own.reduce((total, one) => total + one[name], 0);
  const number = (value) => new Intl.NumberFormat(document.documentElement.lang).format(value);
  const row = (words, own) => [
    h("b", {}, words),
    ...Object.values(GROUPS).map((statuses) => number(sum(own.filter((one) => statuses.includes(one.status)), "notices"))),
    number(sum(own, "parts")), number(sum(own, "cost_dong"))];
  const headers = [t("channel"), ...Object.keys(GROUPS).map((group) => t(group)), t("sms_parts"), t("cost")];
  const rows = channels.map((channel) => row(t(`channel_${channel}`), items.filter((one) => one.channel === channel)));
  return table(t("totals_title", DAYS), headers, channels.length > 1 ? [...rows, row(t("all_channels"), items)] : rows);
}

/** Notices as a table: to whom, by which channel, whether they went out, and the reasons for failures. Those of one alert
 * say why it was left out where it was; others say what they are about. */
export function notices(items, alert = null) {
  const headers = [t("recipient"), t("channel"), t("state"), t("time")];
  return table(t("told"), headers, items.map((notice) => {
    const left = notice.alerts.find((one) => one.alert === alert?.id)?.left_out;
    return [
      [notice.name || notice.recipient, notice.step > 0 && h("p", { class: "hint" }, t("climbed", notice.step)), !alert && about(notice)],
      [t(`channel_${notice.channel}`), notice.address && h("p", { class: "hint" }, notice.address)],
      [badge(t(`status_${notice.status}`), TONES[notice.status] ?? "calm"),
        notice.answers.map((one) => h("p", { class: "hint words" }, t("answer"), " ", moment(one.at), `: ${text(one.meant)}`, one.words && `. “${one.words}”`)),
        left ? h("p", { class: "hint" }, t("left_out", text(left))) : notice.reason && h("p", { class: "hint" }, text(notice.reason))],
      moment(notice.attempts.at(-1)?.finished_at ?? notice.created_at)];
  }));
}

const about = ({ subject, alerts }) => h("p", { class: "hint" },
  subject ?? [...new Set(alerts.map(({ unit }) => unit.name))].slice(0, 3).join(", "));
