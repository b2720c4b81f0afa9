// Withdrawal: who sent figures, or may review them, takes them back with a reason.

import { post } from "./api.js";
import { field, h, say } from "./dom.js";
import { may, troubleBox } from "./plain.js";
import { t } from "./words.js";

const WORDS_LIMIT = 4000;

/** A button that opens the question with the reason to give; after the withdrawal it tells what that means. */
export function withdrawal(found, done = () => {}) {
  if (found.withdrawal || !may("POST /v1/submissions/{submission_id}/withdraw")) return null;
  const box = h("div", { class: "withdraw" });
  const reason = h("textarea", { rows: 2, maxlength: WORDS_LIMIT });
  const trouble = h("div");

  async function withdraw() {
    trouble.replaceChildren();
    if (!reason.value.trim()) {
      trouble.replaceChildren(h("p", { class: "box bad", role: "alert" }, t("withdraw_reason_missing")));
      return reason.focus();
    }
    try {
      await post(`/v1/submissions/${found.receipt.id}/withdraw`, { reason: reason.value });
      box.replaceChildren(h("p", { class: "box good", role: "status" }, t("withdraw_done")));
      say(t("withdraw_done"));
      done();
    } catch (problem) {
      trouble.replaceChildren(troubleBox(problem, withdraw));
    }
  }

  function ask() {
    box.replaceChildren(
      h("p", {}, t("withdraw_question")), field(t("withdraw_reason"), reason), trouble,
      h("p", { class: "actions" },
        h("button", { type: "button", class: "danger", onclick: withdraw }, t("withdraw")),
        h("button", { type: "button", class: "plain", onclick: begin }, t("withdraw_not"))));
    reason.focus();
  }

  function begin() {
    box.replaceChildren(h("p", { class: "actions" }, h("button", { type: "button", class: "danger", onclick: ask }, t("withdraw_ask"))));
  }

  begin();
  return box;
}
