// Evidence (minh chứng): the files and links that prove figures; whoever may send these attaches and takes back.

import { download, post, postFile } from "./api.js";
import { field, h, say, select } from "./dom.js";
import { elementName, known } from "./field.js";
import { may, moment, troubleBox } from "./plain.js";
import { locale, t } from "./words.js";

const [NAME_LIMIT, LINK_LIMIT, WORDS_LIMIT, MEGABYTE] = [200, 2000, 4000, 2 ** 20];
const TYPES = ".pdf,.png,.jpg,.jpeg,.xlsx";

const size = (bytes) => new Intl.NumberFormat(locale(), { maximumFractionDigits: 1 }).format(Math.max(bytes / MEGABYTE, 0.1)) + "\u00a0MB";

/** The evidence of a receipt, and a form to attach more. */
export function evidence(found) {
  const list = h("ul", { class: "evidence" });
  const trouble = h("div");
  const items = [...found.evidence];

  function draw() {
    list.replaceChildren(...items.map((one) => h("li", {}, shown(one, trouble), ...takingBack(one))));
    if (!items.length) list.append(h("li", { class: "hint" }, t("evidence_none")));
  }

  function takingBack(one) {
    if (one.agency !== known.me.agency || !may("POST /v1/evidence/{evidence_id}/withdraw")) return [];
    const ask = () => {
      const reason = h("textarea", { rows: 2, maxlength: WORDS_LIMIT });
      const send = () => attempt(trouble, async () => {
        if (!reason.value.trim()) return reason.focus();
        await post(`/v1/evidence/${one.id}/withdraw`, { reason: reason.value });
        items.splice(items.indexOf(one), 1);
        draw();
        say(t("evidence_gone"));
      });
      button.replaceWith(field(t("evidence_reason"), reason), h("p", { class: "actions" }, h("button", { type: "button", class: "danger", onclick: send }, t("evidence_take_back"))));
      reason.focus();
    };
    const button = h("button", { type: "button", class: "plain", "aria-label": t("evidence_take_back_of", one.name), onclick: ask }, t("evidence_take_back"));
    return [" ", button];
  }

  function added(one) {
    if (!items.some(({ id }) => id === one.id)) items.push(one);
    draw();
    say(t("evidence_attached"));
  }

  draw();
  const mayAttach = !found.withdrawal && found.submission && may("POST /v1/evidence");
  return h("section", {}, h("h3", {}, t("evidence_title")), list, trouble, mayAttach && form(found, trouble, added));
}

/** A file is saved, never opened within the page; a link says where it leads. */
function shown(one, trouble) {
  const about = [one.element && elementName(one.element), one.agency_name ?? one.agency].filter(Boolean).join(" · ");
  const name = one.file
    ? h("button", { type: "button", class: "plain", "aria-label": t("evidence_save", one.name), onclick: () => attempt(trouble, () => download("GET", `/v1/evidence/${one.id}/file`, { name: one.name })) }, one.name)
    : h("a", { href: one.link, rel: "noopener noreferrer nofollow", target: "_blank", referrerpolicy: "no-referrer" }, one.name);
  return [name, h("span", { class: "hint" }, ` ${one.file ? size(one.file.bytes) : t("evidence_opens", one.host)} · ${about} · `, moment(one.at))];
}

function form(found, trouble, added) {
  const { id } = found.receipt;
  const codes = Object.keys(found.submission.readings);
  const about = select([["", t("evidence_all")], ...codes.map((code) => [code, elementName(code)])], "");
  const file = h("input", { type: "file", accept: TYPES });
  const link = h("input", { type: "url", maxlength: LINK_LIMIT, placeholder: "https://", autocomplete: "off" });
  const name = h("input", { type: "text", maxlength: NAME_LIMIT, autocomplete: "off" });

  const attach = (event) => {
    event.preventDefault();
    return attempt(trouble, async () => {
      const [chosen, address] = [file.files[0], link.value.trim()];
      if (!chosen && !address) return trouble.replaceChildren(h("p", { class: "box bad", role: "alert" }, t("evidence_missing")));
      const query = { submission: id, element: about.value };
      added(chosen
        ? await postFile(await chosen.arrayBuffer(), { ...query, name: chosen.name.slice(-NAME_LIMIT) }, {}, "/v1/evidence")
        : await postFile(null, { ...query, link: address, name: name.value.trim() || address.slice(0, NAME_LIMIT) }, {}, "/v1/evidence"));
      [file, link, name].forEach((input) => (input.value = ""));
    });
  };

  return h("details", { class: "attach" }, h("summary", {}, t("evidence_add")),
    h("form", { onsubmit: attach, novalidate: true },
      field(t("evidence_about"), about), field(t("evidence_file"), file, t("evidence_hint")), field(t("evidence_link"), link), field(t("evidence_name"), name),
      h("p", { class: "actions" }, h("button", { class: "main" }, t("evidence_attach")))));
}

async function attempt(trouble, work) {
  trouble.replaceChildren();
  try {
    await work();
  } catch (problem) {
    trouble.replaceChildren(troubleBox(problem));
  }
}
