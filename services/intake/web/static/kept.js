// What was typed and is not received yet. It is kept on this device; what waits is sent when the network is there, once:
// each try has the same `Idempotency-Key`, so intake counts it once whatever became of the answer.

import { newRequest, postFile } from "./api.js";
import { say } from "./dom.js";
import { fileOf } from "./entry.js";
import { known } from "./field.js";
import { t } from "./words.js";

const [PREFIX, AGAIN_SECONDS] = ["ntm_entry", 10];

/** Tells with `change` that what is kept has changed. */
export const kept = new EventTarget();
const told = () => kept.dispatchEvent(new Event("change"));

const placeOf = (one) => [PREFIX, one.owner, one.report, one.period, one.unit, one.stage].join(" ");

/** The entry that this person has kept for a report, period, unit and stage; else a new one. */
export function entryFor(asked) {
  const entry = { ...asked, owner: known.me.key, values: {}, choices: {}, request: newRequest(), state: "draft", problem: null };
  return found(placeOf(entry)) ?? entry;
}

function found(place) {
  try {
    return JSON.parse(localStorage.getItem(place));
  } catch {
    return null;
  }
}

/** All entries of this person, the oldest form first. */
export function entries() {
  const own = Object.keys(localStorage).filter((place) => place.startsWith(`${PREFIX} ${known.me.key} `));
  return own.sort().map(found).filter(Boolean);
}

/** Keeps the entry as it is now; false where the browser keeps nothing. */
export function keep(entry) {
  try {
    localStorage.setItem(placeOf(entry), JSON.stringify(entry));
  } catch {
    return false;
  }
  told();
  return true;
}

export function forget(entry) {
  localStorage.removeItem(placeOf(entry));
  told();
}

/** Changes what is sent: from now on it is another request. */
export function change(entry, changed) {
  Object.assign(entry, changed, { request: newRequest(), state: "draft", problem: null });
  return keep(entry);
}

/** Sends an entry. What may succeed later waits; what intake refuses can be changed. Throws the trouble in both cases. */
export async function sendNow(entry) {
  const sent = entry.request;
  const isChanged = () => (found(placeOf(entry))?.request ?? sent) !== sent; // meanwhile, by its sender
  try {
    const { items } = await postFile(fileOf(entry), { ...entry.choices, stage: entry.stage }, { "Idempotency-Key": sent });
    if (!isChanged()) forget(entry);
    return items;
  } catch (trouble) {
    if (!isChanged()) keep(Object.assign(entry, trouble.passes ? { state: "waiting" } : { state: "refused", problem: trouble.document }));
    throw trouble;
  }
}

let isSending = false;

/** Sends what waits, one after the other, until there is no answer. */
async function sendWaiting() {
  const waiting = entries().filter((one) => one.state === "waiting");
  if (isSending || !waiting.length) return;
  isSending = true;
  for (const entry of waiting) {
    try {
      const items = await sendNow(entry);
      say(t("accepted", items.length));
      kept.dispatchEvent(new CustomEvent("sent", { detail: { entry, items } }));
    } catch (trouble) {
      if (trouble.passes) break; // a refused one stands with its reason among what is kept
    }
  }
  isSending = false;
}

/** Begins to send what waits: now, when the network comes back, and again after a while. */
export function sendWhatWaits() {
  addEventListener("online", sendWaiting);
  setInterval(sendWaiting, AGAIN_SECONDS * 1000);
  sendWaiting();
}
