// The frame of a page: signing in with a key, the language, and which part is shown.

import { forgetKey, hasKey, keepKey, onSignedOut, Trouble } from "./api.js";
import { field, h } from "./dom.js";
import { page, troubleBox } from "./plain.js";
import { language, setLanguage, t } from "./words.js";

const at = (id) => document.getElementById(id);
let given = null;
let me = null;
let leave = null;
let trouble = null;

onSignedOut((found) => {
  trouble = found;
  signOut();
});

function signOut() {
  forgetKey();
  me = null;
  draw();
  focus();
}

/** Moves the focus of users of the keyboard or a screen reader to the new content. */
function focus() {
  (at("main").querySelector("[role=alert]") ?? at("main")).focus({ preventScroll: true });
}

async function signIn() {
  at("main").replaceChildren(h("p", { class: "loading" }, t("loading")));
  try {
    me = await given.load();
    trouble = null;
  } catch (found) {
    trouble = found;
    if (found.passes) return at("main").replaceChildren(troubleBox(found, signIn));
    forgetKey();
  }
  draw();
  focus();
}

function draw() {
  document.documentElement.lang = language();
  document.title = t("title");
  at("skip").textContent = t("skip");
  leave?.();
  leave = null;
  document.querySelectorAll("dialog").forEach((box) => box.close());
  drawTop();
  at("foot").replaceChildren(h("p", {}, t("foot")));
  const main = at("main");
  if (!me) return main.replaceChildren(signInCard());
  const name = part();
  main.replaceChildren(h("h1", { class: "unseen" }, t(`nav_${name}`)));
  leave = given.parts[name](main) ?? null;
}

const parts = () => Object.keys(given.parts).filter((name) => given.offers(name));

function part() {
  const wanted = location.hash.slice(1);
  return parts().includes(wanted) ? wanted : parts()[0];
}

function drawTop() {
  const switchTo = language() === "vi" ? "en" : "vi";
  const toggle = () => {
    setLanguage(switchTo);
    draw();
    at("language").focus();
  };
  const name = h("div", { class: "brand" }, h("b", {}, t("title")), h("span", {}, t("province", page.province)));
  const chooser = h("button", { type: "button", class: "plain", id: "language", lang: switchTo, onclick: toggle }, switchTo === "en" ? "English" : "Tiếng Việt");
  const who = me && h("div", { class: "who" },
    h("span", {}, h("b", {}, me.name), h("span", { class: "scope" }, me.units.map((unit) => unit.name ?? unit.code).join(", "))),
    h("button", { type: "button", class: "plain", onclick: () => { trouble = null; signOut(); } }, t("sign_out")));
  const nav = me && parts().length > 1 && h("nav", { "aria-label": t("parts") }, parts().map((one) =>
    h("a", { href: `#${one}`, "aria-current": one === part() && "page" }, t(`nav_${one}`))));
  at("top").replaceChildren(
    page.sample === "true" ? h("p", { class: "sample", role: "note" }, t("sample")) : "",
    h("div", { class: "bar" }, name, who, chooser), nav || "");
}

function signInCard() {
  const key = h("input", { type: "password", required: true, autocomplete: "off", spellcheck: "false", autocapitalize: "none" });
  const showKey = (event) => (key.type = event.target.checked ? "text" : "password");
  const submit = (event) => {
    event.preventDefault();
    trouble = null;
    const typed = key.value.trim();
    if (/^[\x21-\x7e]+$/.test(typed)) {
      keepKey(typed);
      return signIn();
    }
    trouble = new Trouble(401, { title: t("key_malformed") }); // other letters cannot stand in a header
    draw();
  };
  return h("form", { class: "card sign-in", onsubmit: submit },
    h("h1", {}, t("sign_in_title")), h("p", {}, t("sign_in_about")),
    trouble && [troubleBox(trouble), trouble.status === 401 && h("p", { class: "hint" }, t("signed_out_hint"))],
    field(t("key"), key, t("key_hint")),
    h("label", { class: "tick" }, h("input", { type: "checkbox", onchange: showKey }), h("span", {}, t("key_show"))),
    h("button", { class: "main" }, t("sign_in")));
}

addEventListener("hashchange", () => {
  draw();
  focus();
});

at("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names the part that is shown
  at("main").focus();
});

for (const missed of ["dragover", "drop"]) addEventListener(missed, (event) => event.preventDefault()); // else the file replaces the page

/** Runs the page. `load` fetches what the key opens, and returns the agency of the key; `parts` shows each part by its name
 * (the first one first) and returns how to leave it; `offers` says whether a part is of use to this key. */
export function run(own) {
  given = { offers: () => true, ...own };
  if (!hasKey()) return draw();
  drawTop();
  signIn();
}
