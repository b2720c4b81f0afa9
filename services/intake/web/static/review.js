// Review: a district verifies the figures of its communes, the province confirms them, and both may return them.

import { get, post } from "./api.js";
import { field, h, say, select } from "./dom.js";
import { known, reviewStages, unitName } from "./field.js";
import { troubleBox } from "./plain.js";
import { openReceipt, refresh } from "./receipts.js";
import { sentTable } from "./sent.js";
import { withdrawal } from "./withdraw.js";
import { t } from "./words.js";

const PAGE = 50;
const WORDS_LIMIT = 4000;

export function show(root) {
  const stages = reviewStages();
  const awaiting = stages.map((stage) => (stage === "verified" ? ["reported", t("awaiting_verified")] : ["verified", t("awaiting_confirmed")]));
  const unit = select(known.me.units.filter(({ code }) => known.units.has(code)).map(({ code }) => [code, unitName(code)]), null, () => look());
  const stage = select(awaiting, awaiting.at(-1)[0], () => look());
  const list = h("div", { "aria-live": "polite" });
  let cursor = null;
  let items = [];

  async function look(more = false) {
    try {
      const found = await get("/v1/submissions", { unit: unit.value, stage: stage.value, limit: PAGE, cursor: more ? cursor : null });
      items = more ? [...items, ...found.items] : found.items;
      cursor = found.next;
      draw();
    } catch (trouble) {
      list.replaceChildren(troubleBox(trouble, () => look(more)));
    }
  }

  function draw() {
    const open = items.filter((one) => one.status !== "returned" && !one.withdrawal && !one.reviews.length);
    refresh(list,
      open.length ? sentTable(open, judge, true) : h("p", {}, t("review_none")),
      cursor ? h("button", { type: "button", "data-id": "more", onclick: () => look(true) }, t("more")) : "");
  }

  const judge = (one) => openReceipt(one.receipt.id, (found, close) => decisionForm(found, stages, () => {
    close();
    items = items.filter((other) => other !== one);
    draw();
  }));

  root.append(h("section", { class: "card" },
    h("h2", {}, t("review_title")), h("p", { class: "hint" }, t("review_hint")),
    h("div", { class: "filters" }, field(t("unit"), unit), field(t("stage"), stage)), list));
  look();
}

function decisionForm(found, stages, done) {
  const reason = h("textarea", { rows: 3, maxlength: WORDS_LIMIT });
  const trouble = h("div");
  const rank = { reported: 0, verified: 1, confirmed: 2 };

  async function decide(decision) {
    trouble.replaceChildren();
    if (decision === "returned" && !reason.value.trim()) {
      trouble.replaceChildren(h("p", { class: "box bad", role: "alert" }, t("reason_missing")));
      return reason.focus();
    }
    try {
      await post(`/v1/submissions/${found.receipt.id}/review`, decision === "returned" ? { decision, reason: reason.value } : { decision });
      say(t(`decision_${decision}`));
      done();
    } catch (problem) {
      trouble.replaceChildren(troubleBox(problem, () => decide(decision)));
    }
  }

  const raise = stages.filter((stage) => rank[stage] > rank[found.stage]);
  return h("div", { class: "decide" },
    h("p", { class: "actions" }, raise.map((stage) => h("button", { type: "button", class: "main", onclick: () => decide(stage) }, t(`decide_${stage}`)))),
    field(t("return_reason"), reason), trouble,
    h("p", { class: "actions" }, h("button", { type: "button", class: "danger", onclick: () => decide("returned") }, t("decide_returned"))), withdrawal(found, done));
}
