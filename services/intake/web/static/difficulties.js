// Difficulties that a unit cannot solve by itself: reported, answered, closed.

import { get, newRequest, post } from "./api.js";
import { badge, dialog, field, h, say, select, tick } from "./dom.js";
import { coversCriterion, criterionName, days, daysAgo, known, unitChoices, unitName } from "./field.js";
import { may, moment, troubleBox } from "./plain.js";
import { refresh } from "./receipts.js";
import { t } from "./words.js";

const KINDS = ["funding", "staff", "guidance", "data", "infrastructure", "disaster", "other"];
const TONES = { open: "warn", answered: "calm", closed: "good" };
const WORDS_LIMIT = 4000;

export function show(root) {
  const state = select([["", t("any_state")], ...Object.keys(TONES).map((word) => [word, t(`difficulty_${word}`)])], "", () => look());
  const list = h("div", { class: "difficulties" }, h("p", {}, t("loading")));
  let items = [];
  let next = null;

  async function look(more = false) {
    try {
      const found = await get("/v1/problems", { state: state.value, limit: 30, cursor: more ? next : null });
      items = more ? [...items, ...found.items] : found.items;
      next = found.next;
      draw();
    } catch (trouble) {
      list.replaceChildren(troubleBox(trouble, () => look(more)));
    }
  }

  function draw() {
    refresh(list,
      ...(items.length ? items.map((one) => card(one, replace)) : [h("p", {}, t("difficulties_none"))]),
      next ? h("button", { type: "button", "data-id": "more", onclick: () => look(true) }, t("more")) : "");
  }

  /** Shows the new entry at once; the list has it a moment later. */
  function replace(changed) {
    items = [changed, ...items.filter((one) => one.id !== changed.id)];
    draw();
  }

  root.append(h("section", { class: "card" },
    h("h2", {}, t("difficulties_title")), h("p", { class: "hint" }, t("difficulties_hint")),
    may("POST /v1/problems") && h("p", { class: "actions" }, h("button", { type: "button", class: "main", onclick: () => reportDialog(replace) }, t("difficulty_report"))),
    h("div", { class: "filters" }, field(t("state"), state)), list));
  look();
}

function card(one, changed) {
  const answer = one.state !== "closed" && mayAnswer(one) && h("button", { type: "button", "data-id": one.id, onclick: () => answerDialog(one, changed) }, t("difficulty_answer"));
  return h("article", { class: "difficulty" },
    h("h3", {}, unitName(one.unit.code), " ", badge(t(`difficulty_${one.state}`), TONES[one.state])),
    h("p", { class: "hint" }, t(`kind_${one.kind}`), one.criterion && ` · ${criterionName(one.criterion)}`, ` · ${one.state === "closed" ? t("closed_after", days(one.age_days)) : t("reported_on", daysAgo(one.age_days))}`, one.contact && ` · ${t("contact")}: ${one.contact}`),
    one.said.map((said) => h("blockquote", {}, h("p", { class: "words" }, said.words), h("footer", { class: "hint" }, said.agency_name ?? said.agency, " · ", moment(said.at), said.closes && ` · ${t("difficulty_closed")}`))),
    answer);
}

/** Whether the person may answer: one of the reporter's office, or of an office of the province, for its criteria. */
function mayAnswer(one) {
  if (!may("POST /v1/problems/{problem_id}/answers")) return false;
  const isProvince = known.me.units.some(({ code }) => known.units.get(code)?.kind === "province");
  return one.said[0].agency === known.me.agency || (isProvince && (one.criterion === null || coversCriterion(one.criterion)));
}

function reportDialog(done) {
  const unit = select(unitChoices(), null);
  const kind = select(KINDS.map((word) => [word, t(`kind_${word}`)]), KINDS[0]);
  const criterion = select([["", t("no_criterion")], ...known.catalogue.criteria.map(({ key }) => [key, criterionName(key)])], "");
  const contact = h("input", { type: "text", maxlength: 200, autocomplete: "off" });
  const content = (words) => ({ unit: unit.value, kind: kind.value, criterion: criterion.value || null, contact: contact.value.trim() || null, words });
  wordsDialog(t("difficulty_report"), t("difficulty_words"), "/v1/problems", content, done, [field(t("unit"), unit), field(t("kind"), kind), field(t("criterion"), criterion)], [field(t("contact"), contact, t("contact_hint"))]);
}

function answerDialog(one, done) {
  const closes = tick(t("difficulty_close"), false);
  const content = (words) => ({ words, closes: closes.querySelector("input").checked });
  wordsDialog(t("difficulty_answer"), t("difficulty_answer_words"), `/v1/problems/${one.id}/answers`, content, done, [h("blockquote", { class: "words" }, one.said.at(-1).words)], [closes]);
}

/** A form with a text; a form that is sent again after a lost answer counts once. */
function wordsDialog(title, label, path, content, done, before, after) {
  const words = h("textarea", { rows: 5, maxlength: WORDS_LIMIT, required: true });
  const trouble = h("div");
  let [request, sent] = [newRequest(), null];
  dialog(title, (close) => {
    async function send(event) {
      event?.preventDefault();
      trouble.replaceChildren();
      const body = content(words.value);
      if (sent !== null && sent !== JSON.stringify(body)) request = newRequest();
      sent = JSON.stringify(body);
      try {
        done(await post(path, body, { "Idempotency-Key": request }));
        close();
        say(t("difficulty_sent"));
      } catch (problem) {
        trouble.replaceChildren(troubleBox(problem, () => send()));
      }
    }
    return h("form", { onsubmit: send }, before, field(label, words), after, trouble, h("p", { class: "actions" }, h("button", { class: "main" }, t("difficulty_send"))));
  });
}
