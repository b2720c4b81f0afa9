// A form that is being filled in: checked while typing, previewed, sent, or kept until the network is there.

import { h, say } from "./dom.js";
import { readings, brokenSums, fileOf } from "./entry.js";
import { known } from "./field.js";
import { Fields } from "./fields.js";
import { change, entryFor, forget, keep, sendNow } from "./kept.js";
import { periodName } from "./periods.js";
import { text } from "./plain.js";
import { Upload } from "./upload.js";
import { t } from "./words.js";

export class FilledForm extends Upload {
  constructor(entry, result) {
    super(known.me);
    Object.assign(this, { entry, result, isForm: true, name: `${text(entry.form.name)}, ${periodName(entry.period)}`, isKept: true });
    this.fields = new Fields(entry, { changed: () => this.changed(), check: () => this.look() });
  }

  isOf = (entry) => ["report", "period", "unit", "stage"].every((name) => entry[name] === this.entry[name]);

  get choices() {
    return { ...this.entry?.choices, stage: this.entry?.stage };
  }

  set choices(given) {} // those of the entry, which are kept with it

  get content() {
    return fileOf(this.entry);
  }

  set content(given) {} // made of what is typed

  /** Shows what became of a form that was kept: it waits, or intake has refused it. */
  begin() {
    if (this.entry.state === "waiting") this.showWaiting();
    if (this.entry.state === "refused") this.look();
  }

  /** Takes over what became of the entry meanwhile. */
  sync() {
    const { request, state, problem } = entryFor(this.entry);
    if (request !== this.entry.request || state === this.entry.state) return;
    Object.assign(this.entry, { state, problem });
    this.begin();
  }

  changed() {
    this.turn = null; // a preview that is on its way is one of other figures
    this.result.hidden = true;
    this.result.replaceChildren();
    const isBlank = Object.values(this.entry.values).every((of) => Object.values(of).every((typed) => !typed.trim()));
    this.isKept = change(this.entry, { choices: {} });
    if (isBlank) forget(this.entry);
    this.fields.tellKept(this.isKept);
  }

  choose(changed) {
    change(this.entry, { choices: { ...this.entry.choices, ...changed } });
    return super.look();
  }

  async look(options) {
    const typed = readings(this.entry);
    const faulty = this.entry.form.units.find((of) => {
      const own = typed.get(of.unit.code);
      return Object.values(own).some((one) => one.fault || one.either) || brokenSums(of, own).length;
    });
    if (faulty) return this.fields.showFault(faulty.unit.code);
    if (![...typed.values()].some((of) => Object.keys(of).length)) return this.display([h("p", { class: "box warn", role: "alert", tabindex: "-1" }, t("enter_blank_form"))]);
    await super.look(options);
  }

  previewed(found) {
    this.fields.showRemarks(found.faults);
    return super.previewed(found);
  }

  failed(trouble) {
    if (!trouble.passes) return super.failed(trouble);
    const wait = () => {
      keep(Object.assign(this.entry, { state: "waiting" }));
      this.showWaiting();
    };
    return [h("div", { class: "box warn", role: "alert", tabindex: "-1" },
      h("p", {}, h("b", {}, trouble.document.title), " ", t(this.isKept ? "enter_is_kept" : "enter_is_not_kept")),
      h("p", { class: "actions" },
        h("button", { type: "button", class: "main", onclick: wait }, t("enter_wait")),
        h("button", { type: "button", onclick: () => this.look() }, t("again"))))];
  }

  async send() {
    try {
      this.accepted(await sendNow(this.entry));
    } catch (trouble) {
      if (!trouble.passes) throw trouble;
      this.showWaiting();
    }
  }

  accepted(items) {
    this.fields.element.hidden = true; // what is sent is read in its receipts
    super.accepted(items);
  }

  showWaiting() {
    this.display([h("div", { class: "box warn", tabindex: "-1" }, h("p", {}, h("b", {}, t("enter_waits"))), h("p", {}, t("enter_waits_hint")))]);
    say(t("enter_waits"));
  }
}
