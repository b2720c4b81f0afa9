// Sent: the agency's last submissions with their progress, and its refusals.

import { get } from "./api.js";
import { dialog, h, table } from "./dom.js";
import { unitName } from "./field.js";
import { periodName } from "./periods.js";
import { moment, troubleBox } from "./plain.js";
import { changes, follow, openReceipt, refresh, stage, state, warnings } from "./receipts.js";
import { withdrawal } from "./withdraw.js";
import { t } from "./words.js";

const [PAGE, PROJECTED_SECONDS, SOON_SECONDS, LATER_SECONDS] = [30, 1, 3, 15];

export function show(root) {
  const submissions = h("section", { class: "card" }, h("p", {}, t("loading")));
  const refusals = h("section", { class: "card" });
  root.append(submissions, refusals);
  const lookAgain = () => setTimeout(() => lists[0].look(), PROJECTED_SECONDS * 1000);
  const open = (one) => openReceipt(one.receipt.id, (found) => withdrawal(found, lookAgain));
  const lists = [
    new List("/v1/submissions", submissions, (list) => [h("h2", {}, t("sent_title")), h("p", { class: "hint" }, t("sent_hint")), list.items.length ? sentTable(list.items, open) : h("p", {}, t("sent_none"))]),
    new List("/v1/refusals", refusals, (list) => [h("h2", {}, t("refused_title")), list.items.length ? refusedTable(list.items) : h("p", {}, t("refused_none"))])];
  return follow(async () => {
    await Promise.all(lists.map((list) => list.look()));
    return lists[0].items.some((one) => one.status === "accepted") ? SOON_SECONDS : LATER_SECONDS;
  });
}

/** A list that the page asks for repeatedly, and draws when it has changed. */
class List {
  constructor(path, root, draw) {
    Object.assign(this, { path, root, draw, limit: PAGE, items: [], shown: null });
  }

  async look() {
    try {
      const { items, next } = await get(this.path, { limit: this.limit });
      this.items = items;
      const found = JSON.stringify([items, next]);
      if (found === this.shown) return;
      this.shown = found;
      const more = () => {
        this.limit = Math.min(200, this.limit + 2 * PAGE);
        return this.look();
      };
      const hasMore = next !== null && this.limit < 200;
      refresh(this.root, ...this.draw(this), hasMore ? h("button", { type: "button", "data-id": "more", onclick: more }, t("more")) : "");
    } catch (trouble) {
      this.shown = null;
      refresh(this.root, troubleBox(trouble, () => this.look()));
    }
  }
}

const details = (id, act) => h("button", { type: "button", class: "plain", "data-id": id, onclick: act }, t("details"));

function sentTable(items, act) {
  const row = (one) => [
    moment(one.receipt.received_at), h("b", { class: "place" }, unitName(one.receipt.unit)), periodName(one.receipt.period),
    stage(one), [state(one), one.receipt.due && h("span", { class: "hint" }, ` ${t("late")}`)],
    [warnings(one.receipt.warnings), changes(one.changes) || h("span", { class: "hint" }, "–")],
    details(one.receipt.id, () => act(one))];
  const headers = [t("time"), t("unit"), t("period_short"), t("stage"), t("state"), t("caused"), t("receipt")];
  return table(t("sent_title"), headers, items.map(row));
}

function refusedTable(items) {
  const open = (one) => dialog(t("refusal"), () => h("div", {}, h("p", { class: "hint" }, moment(one.received_at)), troubleBox({ document: one.problem })));
  const row = (one) => [moment(one.received_at), one.problem.title, one.problem.detail ?? "–", details(one.id, () => open(one))];
  return table(t("refused_title"), [t("time"), t("refusal"), t("what_to_do"), t("receipt")], items.map(row));
}
