// The contacts: who is told as which office, who is on leave and hands over, and who asks about the own data.

import { get, put } from "./api.js";
import { badge, dialog, field, h, say, select } from "./dom.js";
import { requestButton, waitingFor, waitingRequests } from "./personal_data.js";
import { may, text, troubleBox } from "./plain.js";
import { t } from "./words.js";

const SHOWN = 50;
const TONES = { planned: "calm", handed_over: "warn", not_reached: "bad" };
const ANSWERED = ["id", "office", "leave", "remarks", "updated_at", "updated_by"]; // of an answer, not of what is sent

/** Shows the contacts in `main`. */
export function contacts(main) {
  const found = h("div", {}, h("p", { class: "loading" }, t("loading")));
  const search = h("input", { type: "search", oninput: () => draw() });
  let items = [];
  let waiting = []; // requests about personal data

  async function look() {
    try {
      [{ items }, waiting] = await Promise.all([get("/v1/contacts"), waitingRequests()]);
      draw();
    } catch (trouble) {
      found.replaceChildren(troubleBox(trouble, look));
    }
  }

  function draw() {
    const words = bare(search.value).split(" ");
    const fits = items.filter((one) => words.every((word) => bare(`${one.name} ${one.office} ${one.unit} ${one.emails}`).includes(word)));
    const asks = new Set(waiting.map(({ contact }) => contact));
    const rank = (one) => 2 * asks.has(one.id) + Boolean(one.leave); // who asks first, then who is on leave
    const ordered = [...fits].sort((a, b) => rank(b) - rank(a));
    found.replaceChildren(
      h("p", { role: "status" }, t("contacts_found", fits.length)),
      h("ul", { class: "dues" }, ordered.slice(0, SHOWN).map((one) => item(one, items, waiting, look))),
      fits.length > SHOWN ? h("p", { class: "hint" }, t("contacts_more", SHOWN)) : "");
  }

  main.append(h("section", { class: "card" },
    h("h2", {}, t("nav_contacts")), h("p", { class: "hint" }, t("contacts_hint")), field(t("contacts_search"), search), found));
  look();
}

const bare = (words) => words.normalize("NFD").replace(/\p{M}/gu, "").replace(/đ/gi, "d").toLowerCase().trim();

function item(one, items, waiting, look) {
  const colleagues = [...new Set(items.filter((other) => other.unit === one.unit && other.name !== one.name).map(({ name }) => name))];
  const mayChange = may("PUT /v1/contacts/{contact_id}") && ![...one.emails, ...one.phones].some((address) => address.includes("***"));
  return h("li", { "data-contact": one.id },
    h("p", {}, h("b", {}, one.name), one.office && one.office !== one.name && h("span", { class: "hint" }, ` ${one.office}`)),
    h("p", { class: "hint words" }, [...one.emails, ...one.phones].join(" · ")),
    one.leave && h("p", {}, badge(t(`leave_${one.leave.state}`), TONES[one.leave.state]), " ", text(one.leave.words)),
    mayChange && h("div", { class: "offers" },
      h("button", { type: "button", class: "plain", onclick: () => handOver(one, colleagues, look) }, t(one.leave ? "leave_change" : "leave_begin")),
      one.leave && endButton(one, look)),
    waitingFor(one, waiting, look),
    requestButton(one, look));
}

const changed = (one, leave) =>
  put(`/v1/contacts/${one.id}`, { ...Object.fromEntries(Object.entries(one).filter(([name]) => !ANSWERED.includes(name))), ...leave });

function endButton(one, look) {
  const wrong = h("div", {});
  const end = async (event) => {
    event.target.disabled = true;
    try {
      await changed(one, { away_from: null, away_until: null, substitute: null });
    } catch (trouble) {
      event.target.disabled = false;
      return wrong.replaceChildren(troubleBox(trouble));
    }
    say(t("leave_ended"));
    look();
  };
  return h("div", {}, h("button", { type: "button", class: "plain", onclick: end }, t("leave_end")), wrong);
}

function handOver(one, colleagues, look) {
  const since = h("input", { type: "date", required: true, value: one.away_from ?? "" });
  const until = h("input", { type: "date", required: true, value: one.away_until ?? "" });
  const who = select([["", t("leave_choose")], ...colleagues.map((name) => [name, name])], one.substitute ?? "");
  who.required = true;
  const wrong = h("div", {});
  dialog(t("leave_begin"), (close) => {
    const submit = async (event) => {
      event.preventDefault();
      event.submitter.disabled = true;
      try {
        await changed(one, { away_from: since.value, away_until: until.value, substitute: who.value });
      } catch (trouble) {
        event.submitter.disabled = false;
        return wrong.replaceChildren(troubleBox(trouble));
      }
      close();
      say(t("leave_kept"));
      look();
    };
    const form = h("form", { onsubmit: submit },
      h("p", {}, h("b", {}, one.name), one.office && one.office !== one.name && ` ${one.office}`), h("p", { class: "hint" }, t("leave_hint")),
      field(t("leave_from"), since), field(t("leave_until"), until, t("leave_until_hint")), field(t("leave_who"), who, t("leave_who_hint")), wrong,
      h("div", { class: "actions" }, h("button", { class: "main" }, t("leave_keep"))));
    return colleagues.length ? form : h("p", {}, t("leave_nobody"));
  });
}
