// Receipts: the progress of submissions, the changes they caused, their figures.

import { get } from "./api.js";
import { badge, dialog, h, table } from "./dom.js";
import { evidence } from "./evidence.js";
import { criterionName, elementName, figure, unitName } from "./field.js";
import { periodName } from "./periods.js";
import { moment, text, troubleBox } from "./plain.js";
import { becomes, status } from "./verdicts.js";
import { t } from "./words.js";

const TONES = { accepted: "calm", scored: "good", parked: "warn", returned: "bad" };
export const state = (tracked) =>
  tracked.withdrawal ? badge(t("state_withdrawn"), "bad") : badge(t(`state_${tracked.status}`), TONES[tracked.status]);
export const stage = (tracked) => t(`stage_${tracked.stage}`) + (tracked.revision > 1 ? ` · ${t("revision", tracked.revision)}` : "");

export const changes = (caused) =>
  caused.length > 0 &&
  h("ul", { class: "changes" }, caused.map((one) =>
    h("li", {}, h("b", {}, criterionName(one.criterion)), " ", becomes(status(one.before), status(one.after)), h("p", { class: "hint" }, text(one.reason)))));

export const warnings = (list) => list.map((one) => h("p", { class: "box warn" }, text(one.detail)));

export const reviews = (list) => list.map((one) =>
  h("div", { class: `box ${one.decision === "returned" ? "bad" : "good"}` },
    h("p", {}, h("b", {}, t(`decision_${one.decision}`)), ` · ${one.agency} · `, moment(one.at)),
    one.reason && h("p", { class: "words" }, one.reason)));

const withdrawn = (one) => one &&
  h("div", { class: "box bad" },
    h("p", {}, h("b", {}, t("withdrawn")), ` · ${one.agency} · `, moment(one.at)), h("p", { class: "words" }, one.reason));

/** The whole receipt in a dialog; `more(found, close)` adds the actions. */
export async function openReceipt(id, more = () => null) {
  const body = h("div", {}, h("p", {}, t("loading")));
  let close;
  dialog(t("receipt"), (shut) => ((close = shut), body));
  try {
    const found = await get(`/v1/submissions/${id}`);
    const { receipt, submission } = found;
    body.replaceChildren(
      h("p", {}, h("b", {}, unitName(receipt.unit)), ` · ${periodName(receipt.period)} · ${stage(found)} `, state(found)),
      h("p", { class: "hint" }, t("sent_by", found.agency_name ?? found.agency), " · ", moment(receipt.received_at), receipt.due && ` · ${t("late")}`),
      withdrawn(found.withdrawal) || "", ...reviews(found.reviews), ...warnings(receipt.warnings),
      table(t("figures"), [t("element"), t("value")], Object.entries(submission.readings).map(([code, value]) => [elementName(code), h("b", {}, figure(value))])),
      evidence(found), changes(found.changes) || "",
      h("p", { class: "hint digest" }, t("digest"), " ", h("code", {}, receipt.digest), h("br"), t("receipt_number"), " ", h("code", {}, receipt.id)),
      more(found, close) ?? "");
  } catch (trouble) {
    body.replaceChildren(troubleBox(trouble));
  }
}

/** Calls `look` repeatedly until it returns that it is done, or until somebody calls the returned function. */
export function follow(look, waitSeconds = 1.5) {
  let timer = null;
  let ended = false;
  const step = async () => {
    const wait = document.hidden ? waitSeconds : await look();
    if (wait && !ended) timer = setTimeout(step, wait * 1000);
  };
  timer = setTimeout(step, 0);
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}

/** Replaces the children, and returns the focus to the control that had it. */
export function refresh(root, ...children) {
  const focused = root.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  root.replaceChildren(...children);
  if (focused) root.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
}
