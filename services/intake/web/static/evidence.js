// Evidence (minh chứng): the files and links that prove figures or a criterion; who may send these attaches, takes back.

import { download, get, post, postFile } from "./api.js";
import { field, h, say, select } from "./dom.js";
import { coversCriterion, criterionName, elementName, known } from "./field.js";
import { periodName } from "./periods.js";
import { may, moment, page, troubleBox } from "./plain.js";
import { locale, t } from "./words.js";

const [NAME_LIMIT, LINK_LIMIT, WORDS_LIMIT, MEGABYTE, SHOWN] = [200, 2000, 4000, 2 ** 20, 200];
const TYPES = ".pdf,.png,.jpg,.jpeg,.xlsx";

const size = (bytes) => new Intl.NumberFormat(locale(), { maximumFractionDigits: 1 }).format(Math.max(bytes / MEGABYTE, 0.1)) + "\u00a0MB";

/** The evidence of a receipt, and a form to attach more. */
export function evidence(found) {
  const codes = Object.keys(found.submission.readings);
  const about = select([["", t("evidence_all")], ...codes.map((code) => [code, elementName(code)])], "");
  const mayAttach = !found.withdrawal && may("POST /v1/evidence");
  return box([...found.evidence], ({ element }) => element && elementName(element),
    mayAttach && { fields: [field(t("evidence_about"), about)], query: () => ({ submission: found.receipt.id, element: about.value }) });
}

/** The evidence of a commune's criteria of a set, also that of its figures; a form attaches to a criterion and a period. */
export function evidenceOfCommune(unit, set) {
  const root = h("div", {}, h("p", {}, t("loading")));
  const criteria = known.catalogue.criteria.map(({ key }) => key).filter((key) => key.replace(/-\d+$/, "") === set);
  const own = criteria.filter(coversCriterion);
  const criterion = select(own.map((key) => [key, criterionName(key)]), own[0]);
  const period = h("input", { type: "text", maxlength: 60, autocomplete: "off", value: page.today.slice(0, 4) });
  const about = (one) => [...one.criteria.filter((key) => criteria.includes(key)).map(criterionName), periodName(one.period)].join(" · ");
  const look = async () => {
    try {
      const { items } = await get("/v1/evidence", { unit, limit: SHOWN });
      const ofSet = items.filter((one) => one.criteria.some((key) => criteria.includes(key)));
      root.replaceChildren(box(ofSet, about, own.length > 0 && may("POST /v1/evidence") && {
        fields: [field(t("criterion"), criterion), field(t("period"), period, t("period_example"))],
        query: () => ({ unit, criterion: criterion.value, period: period.value.trim() }),
      }));
    } catch (trouble) {
      root.replaceChildren(troubleBox(trouble, look));
    }
  };
  look();
  return root;
}

/** A list of evidence; `attaching`: the fields that say what more of it is about, and the query that they make. */
function box(items, about, attaching) {
  const list = h("ul", { class: "evidence" });
  const trouble = h("div");

  function draw() {
    list.replaceChildren(...items.map((one) => h("li", {}, shown(one, about(one), trouble), ...takingBack(one))));
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
  return h("section", {}, h("h3", {}, t("evidence_title")), list, trouble, attaching && form(attaching, trouble, added));
}

/** A file is saved, never opened within the page; a link says where it leads. */
function shown(one, about, trouble) {
  const words = [one.file ? size(one.file.bytes) : t("evidence_opens", one.host), about, one.agency_name ?? one.agency].filter(Boolean).join(" · ");
  const name = one.file
    ? h("button", { type: "button", class: "plain", "aria-label": t("evidence_save", one.name), onclick: () => attempt(trouble, () => download("GET", `/v1/evidence/${one.id}/file`, { name: one.name })) }, one.name)
    : h("a", { href: one.link, rel: "noopener noreferrer nofollow", target: "_blank", referrerpolicy: "no-referrer" }, one.name);
  return [name, h("span", { class: "hint" }, ` ${words} · `, moment(one.at))];
}

function form(attaching, trouble, added) {
  const file = h("input", { type: "file", accept: TYPES });
  const link = h("input", { type: "url", maxlength: LINK_LIMIT, placeholder: "https://", autocomplete: "off" });
  const name = h("input", { type: "text", maxlength: NAME_LIMIT, autocomplete: "off" });

  const attach = (event) => {
    event.preventDefault();
    return attempt(trouble, async () => {
      const [chosen, address] = [file.files[0], link.value.trim()];
      if (!chosen && !address) return trouble.replaceChildren(h("p", { class: "box bad", role: "alert" }, t("evidence_missing")));
      const query = attaching.query();
      added(chosen
        ? await postFile(await chosen.arrayBuffer(), { ...query, name: chosen.name.slice(-NAME_LIMIT) }, {}, "/v1/evidence")
        : await postFile(null, { ...query, link: address, name: name.value.trim() || address.slice(0, NAME_LIMIT) }, {}, "/v1/evidence"));
      [file, link, name].forEach((input) => (input.value = ""));
    });
  };

  return h("details", { class: "attach" }, h("summary", {}, t("evidence_add")),
    h("form", { onsubmit: attach, novalidate: true },
      attaching.fields, field(t("evidence_file"), file, t("evidence_hint")), field(t("evidence_link"), link), field(t("evidence_name"), name),
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
