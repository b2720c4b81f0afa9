// Requests of contacts about their own data: they are filed, wait, and are carried out.

import { get, post } from "./api.js";
import { badge, dialog, field, h, say, select } from "./dom.js";
import { day, may, text, troubleBox } from "./plain.js";
import { t } from "./words.js";

const KINDS = ["export", "erasure"];
const ASKING = ["person", "representative", "authority"];

/** The requests that wait, the one to be answered first on top; none for who may not see them. */
export async function waitingRequests() {
  if (!may("GET /v1/personal-data-requests")) return [];
  return (await get("/v1/personal-data-requests")).items.filter(({ done_at }) => !done_at);
}

/** The requests of a contact that wait, each with a button to carry it out. `done` is called afterwards. */
export function waitingFor(one, waiting, done) {
  return waiting.filter(({ contact }) => contact === one.id).map((request) => h("div", { "data-request": request.id },
    h("p", {}, badge(t("data_waits"), "warn"), ` ${t(`data_${request.kind}`)}`, request.reference && ` · ${request.reference}`),
    h("p", { class: "hint" }, t("data_days", day(request.asked_on), day(request.answer_by), day(request.carry_out_by))),
    h("div", { class: "offers" },
      h("button", { type: "button", class: "plain", onclick: () => ask(one, request, done) }, t("data_carry_out_waiting")))));
}

/** The button that files or carries out a contact's request, for who may. `done` is called afterwards. */
export function requestButton(one, done) {
  return may("POST /v1/contacts/{contact_id}/personal-data") && h("div", { class: "offers" },
    h("button", { type: "button", class: "plain", onclick: () => ask(one, null, done) }, t("data_ask")));
}

/** Asks for a request of a contact; one that waits stands filled in, and is carried out only. */
function ask(one, waiting, done) {
  const kind = select(KINDS.map((value) => [value, t(`data_${value}`)]), waiting?.kind ?? "export");
  const asker = select(ASKING.map((value) => [value, t(`data_${value}`)]), waiting?.asked_by ?? "person");
  const on = h("input", { type: "date", required: true, value: waiting?.asked_on ?? "" });
  const filed = h("input", { maxlength: 40, pattern: "[\\p{L}\\d_.\\/\\-]+", title: t("data_reference_hint"), value: waiting?.reference ?? "" });
  const wrong = h("div", {});
  dialog(t("data_ask"), (close) => {
    const submit = async (event) => {
      event.preventDefault();
      const later = event.submitter.value === "later";
      event.submitter.disabled = true;
      let answer;
      try {
        const request = { kind: kind.value, asked_by: asker.value, asked_on: on.value, reference: filed.value.trim() || null };
        answer = await post(`/v1/contacts/${one.id}/${later ? "personal-data-requests" : "personal-data"}`, request);
      } catch (trouble) {
        event.submitter.disabled = false;
        return wrong.replaceChildren(troubleBox(trouble));
      }
      if (answer.data) handOut(answer.data);
      const words = later ? t("data_filed", day(answer.answer_by), day(answer.carry_out_by)) : t("data_done");
      say(words);
      form.replaceChildren(
        h("p", {}, words), ...(later ? [h("p", { class: "hint" }, t("data_filed_hint"))] : remaining(answer.remains)),
        h("div", { class: "actions" }, h("button", { type: "button", class: "main", onclick: close }, t("close"))));
      done();
    };
    const form = h("form", { onsubmit: submit },
      h("p", {}, h("b", {}, one.name), one.office && one.office !== one.name && ` ${one.office}`), h("p", { class: "hint" }, t("data_hint")),
      field(t("data_kind"), kind), field(t("data_asked_by"), asker), field(t("data_asked_on"), on),
      field(t("data_reference"), filed, t("data_reference_hint")), wrong,
      h("div", { class: "actions" }, // Enter takes the first button: nothing is erased by it that does not wait already
        !waiting && h("button", { class: "plain", value: "later" }, t("data_file")),
        h("button", { class: "main", value: "now" }, t("data_carry_out"))));
    return form;
  });
}

const remaining = (remains) => [
  h("p", {}, h("b", {}, t("data_remains"))), h("ul", {}, remains.map((words) => h("li", {}, text(words))))];

/** Saves what is kept of a person as a file. */
function handOut(data) {
  const address = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: "application/json" }));
  h("a", { href: address, download: "du-lieu-ca-nhan.json" }).click();
  URL.revokeObjectURL(address);
}
