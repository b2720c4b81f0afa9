// The frame of a page: who is signed in, the language, and which part is shown.

import { signOut } from "./api.js";
import { h } from "./dom.js";
import { page, troubleBox } from "./plain.js";
import { language, setLanguage, t } from "./words.js";

const PAGES = ["scoring", "intake", "notify"];
const title = () => (language() === "vi" ? page.titleVi : page.titleEn);
const at = (id) => document.getElementById(id);
let given = null;
let me = null;
let leave = null;

/** Moves the focus of users of the keyboard or a screen reader to the new content. */
function focus() {
  (at("main").querySelector("[role=alert]") ?? at("main")).focus({ preventScroll: true });
}

async function load() {
  at("main").replaceChildren(h("p", { class: "loading" }, t("loading")));
  try {
    me = await given.load();
  } catch (found) {
    at("main").replaceChildren(troubleBox(found, load));
    return focus();
  }
  draw();
  focus();
}

function draw() {
  document.documentElement.lang = language();
  document.title = title();
  at("skip").textContent = t("skip");
  leave?.();
  leave = null;
  document.querySelectorAll("dialog").forEach((box) => box.close());
  drawTop();
  at("foot").replaceChildren(h("p", {}, t("foot")));
  const main = at("main");
  if (!me) return;
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
  const name = h("div", { class: "brand" }, h("b", {}, title()), h("span", {}, t("province", page.province)));
  const chooser = h("button", { type: "button", class: "plain", id: "language", lang: switchTo, onclick: toggle }, switchTo === "en" ? "English" : "Tiếng Việt");
  const who = me && h("div", { class: "who" },
    h("span", {}, h("b", {}, me.name), h("span", { class: "scope" }, me.units.map((unit) => unit.name ?? unit.code).join(", "))),
    h("span", { class: "mine" },
      page.password === "true" && h("a", { href: "/password" }, t("change_password")),
      h("button", { type: "button", class: "plain", onclick: leaveAll }, t("sign_out"))));
  const nav = me && parts().length > 1 && h("nav", { "aria-label": t("parts") }, parts().map((one) =>
    h("a", { href: `#${one}`, "aria-current": one === part() && "page" }, t(`nav_${one}`))));
  at("top").replaceChildren(
    page.sample === "true" ? h("p", { class: "sample", role: "note" }, t("sample")) : "",
    pagesOfAll() || "",
    h("div", { class: "bar" }, name, who, chooser), nav || "");
}

/** Links to the pages of all services whose addresses are known, this one marked; nothing where only this one is. */
function pagesOfAll() {
  const known = JSON.parse(page.pages);
  if (!Object.keys(known).some((name) => name !== page.service)) return null;
  return me && h("nav", { class: "pages", "aria-label": t("pages") }, PAGES.filter((name) => known[name] || name === page.service).map((name) =>
    h("a", { href: name === page.service ? "/" : known[name], "aria-current": name === page.service && "page" }, t(`page_${name}`))));
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

async function leaveAll() {
  try {
    await signOut();
  } catch (found) {
    at("main").prepend(troubleBox(found, leaveAll));
  }
}

/** Runs the page. `load` fetches what the person may see, and returns who is signed in; `parts` shows each part by its
 * name (the first one first) and returns how to leave it; `offers` says whether a part is of use to this person. */
export function run(own) {
  given = { offers: () => true, ...own };
  drawTop();
  load();
}
