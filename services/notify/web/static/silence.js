// Silences: an alert of which nobody is to be told for some days, and the end of a silence.

import { post, remove } from "./api.js";
import { dialog, field, h, say, select } from "./dom.js";
import { may, text, troubleBox } from "./plain.js";
import { t } from "./words.js";

const DAYS = [1, 3, 7, 14, 31];
const REASON_LENGTH = 1000;

/** What a silence would hold back that is made from this alert; null where the page offers none. */
function matchOf(alert) {
  if (alert.turn || !may("POST /v1/silences")) return null;
  if (alert.kind === "target") return { under: [alert.unit.code], commitments: [alert.topic] };
  return alert.kind === "status" && /^[a-z]+-\d+$/.test(alert.topic) ? { under: [alert.unit.code], criteria: [alert.topic] } : null;
}

/** The button that silences what an alert is about, where that can be done. `done` is called afterwards. */
export function silenceButton(alert, done) {
  const match = matchOf(alert);
  return match && h("button", { type: "button", class: "plain", "data-silence": alert.id, onclick: () => silence(alert, match, done) }, t("silence"));
}

/** The button that ends a silence before its time. `done` is called afterwards. */
export function endButton({ id }, done) {
  if (!may("DELETE /v1/silences/{silence_id}")) return null;
  const wrong = h("div", {});
  const end = async (event) => {
    event.target.disabled = true;
    try {
      await remove(`/v1/silences/${id}`);
    } catch (trouble) {
      event.target.disabled = false;
      return wrong.replaceChildren(troubleBox(trouble));
    }
    say(t("silence_ended"));
    done();
  };
  return h("div", {}, h("button", { type: "button", class: "plain", "data-end": id, onclick: end }, t("silence_end")), wrong);
}

function silence(alert, match, done) {
  const days = select(DAYS.map((count) => [String(count), t("silence_days", count)]), "3");
  const reason = h("textarea", { rows: 3, maxlength: REASON_LENGTH, required: true });
  const wrong = h("div", {});
  dialog(t("silence"), (close) => {
    const submit = async (event) => {
      event.preventDefault();
      event.submitter.disabled = true;
      const ends = new Date(Date.now() + Number(days.value) * 86_400_000 - 60_000); // a minute less than the longest that is taken
      try {
        await post("/v1/silences", { match, ends_at: ends.toISOString(), reason: reason.value.trim() });
      } catch (trouble) {
        event.submitter.disabled = false;
        return wrong.replaceChildren(troubleBox(trouble));
      }
      close();
      say(t("silenced"));
      done();
    };
    return h("form", { onsubmit: submit },
      h("p", {}, h("b", {}, `${alert.unit.name} (${alert.unit.code})`), ` ${text(alert.what)}`), h("p", { class: "hint" }, t("silence_hint")),
      field(t("silence_for"), days), field(t("silence_reason"), reason), wrong,
      h("div", { class: "actions" }, h("button", { class: "main" }, t("silence"))));
  });
}
