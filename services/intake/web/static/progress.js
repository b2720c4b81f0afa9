// Follows the receipts of one file until every submission is scored, and a little longer for the changes they cause.

import { get } from "./api.js";
import { h, say, table } from "./dom.js";
import { unitName } from "./field.js";
import { periodName } from "./periods.js";
import { troubleBox } from "./plain.js";
import { changes, follow, openReceipt, refresh, state, warnings } from "./receipts.js";
import { t } from "./words.js";

const PAGE = 200;
const PAGES = 6;
const SINGLES = 10;
const ROUNDS_AFTER = 3;

export function progress(receipts) {
  const tracked = new Map(receipts.map((receipt) => [receipt.id, { status: "accepted", receipt, changes: [] }]));
  const element = h("div", { class: "card" });
  let roundsAfter = ROUNDS_AFTER;

  const pending = () => [...tracked.values()].filter((one) => one.status === "accepted");

  function draw(trouble = null) {
    const left = pending().length;
    const done = t("scored_of", tracked.size - left, tracked.size);
    refresh(element,
      h("h2", {}, h("span", { class: "step" }, "4"), t("progress_title")),
      h("p", { class: "hint" }, done),
      h("progress", { max: tracked.size, value: tracked.size - left, "aria-label": done }),
      trouble ? troubleBox(trouble) : "",
      table(t("progress_title"), [t("unit"), t("period_short"), t("state"), t("caused"), t("receipt")],
        [...tracked.values()].map((one) => [
          h("b", { class: "place" }, unitName(one.receipt.unit)), periodName(one.receipt.period), state(one),
          [warnings(one.receipt.warnings), changes(one.changes) || h("span", { class: "hint" }, t(one.status === "accepted" ? "not_yet" : "none_caused"))],
          h("button", { type: "button", class: "plain", "data-id": one.receipt.id, onclick: () => openReceipt(one.receipt.id) }, t("details"))])));
    return left;
  }

  async function look() {
    const before = JSON.stringify([...tracked.values()]);
    try {
      await update(tracked, new Set(roundsAfter < ROUNDS_AFTER ? [] : pending().map((one) => one.receipt.id)));
    } catch (trouble) {
      draw(trouble);
      return trouble.passes ? 5 : 0;
    }
    const left = before === JSON.stringify([...tracked.values()]) && element.hasChildNodes() ? pending().length : draw();
    if (left) return 1.5;
    if (roundsAfter === ROUNDS_AFTER) say(t("all_scored"));
    return roundsAfter-- > 0 ? 1.5 : 0;
  }

  draw();
  return { element, leave: follow(look) };
}

/** Brings `tracked` up to date by the list of the newest; asks for older receipts (`missing`) one by one. */
async function update(tracked, missing) {
  let cursor = null;
  for (let page = 0; page < PAGES; page++) {
    const found = await get("/v1/submissions", { limit: PAGE, cursor });
    for (const one of found.items.filter((item) => tracked.has(item.receipt.id))) {
      tracked.set(one.receipt.id, one);
      missing.delete(one.receipt.id);
    }
    if (!missing.size || !(cursor = found.next)) break;
  }
  for (const id of [...missing].slice(0, SINGLES)) {
    const one = await get(`/v1/submissions/${id}`).catch((trouble) => (trouble.status === 404 ? null : Promise.reject(trouble)));
    if (one) tracked.set(id, one);
  }
}
