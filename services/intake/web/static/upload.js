// A file on its way to intake: a chosen workbook, or the form that somebody fills in.

import { download, newRequest, postFile, XLSX } from "./api.js";
import { h, say } from "./dom.js";
import { page, troubleBox } from "./plain.js";
import { preview } from "./preview.js";
import { progress } from "./progress.js";
import { t } from "./words.js";

/** A file: previewed as often as the sender likes, then sent once. */
export class Upload {
  constructor(owner) {
    Object.assign(this, { owner, content: null, receipts: null, choices: {}, isForm: false, leave: () => {} });
  }

  showIn(result) {
    this.result = result;
    if (this.receipts) this.follow();
    else if (this.content) this.look({ quietly: true });
  }

  async take(file) {
    if (!file) return;
    this.leave();
    Object.assign(this, { name: file.name, content: null, receipts: null, choices: {}, request: newRequest() });
    if (file.size > Number(page.uploadLimit)) return this.display([failure(t("too_large", Math.floor(page.uploadLimit / 2 ** 20)))]);
    try {
      this.content = await file.arrayBuffer();
    } catch {
      return this.display([failure(t("file_unreadable"))]);
    }
    await this.look();
  }

  /** Adds choices that the file does not state, and asks for the preview again. */
  choose(changed) {
    Object.assign(this.choices, changed);
    this.request = newRequest(); // the request key belongs to the file with these choices
    return this.look();
  }

  /** Asks for the preview of the file with the choices made. */
  async look({ quietly = false } = {}) {
    const turn = (this.turn = {});
    if (this.result.hasChildNodes()) this.result.setAttribute("aria-busy", "true");
    else this.display([h("p", { class: "card" }, t("checking", this.name))], true);
    const children = await postFile(this.content, { ...this.choices, dry_run: true }).then(
      (found) => this.previewed(found),
      (trouble) => this.failed(trouble),
    );
    if (turn === this.turn) this.display(children, quietly);
  }

  previewed(found) {
    return [preview(this, found)];
  }

  failed(trouble) {
    return [h("div", { class: "card" }, h("h2", {}, this.name), troubleBox(trouble, () => this.look()))];
  }

  /** Downloads the file with its faults marked in its cells. */
  async marked() {
    const name = this.name.replace(/\.\w+$/, "") + t("marked_suffix");
    const query = { ...this.choices, dry_run: true };
    await download("POST", "/v1/uploads", { name, query, body: this.content, headers: { Accept: XLSX } });
  }

  /** Sends the file; repeats the same request until it is answered, so that the figures count once. */
  async send() {
    const { items } = await postFile(this.content, this.choices, { "Idempotency-Key": this.request });
    this.accepted(items);
  }

  accepted(items) {
    Object.assign(this, { receipts: items, content: null });
    this.follow();
    say(t("accepted", items.length));
  }

  follow() {
    const { element, leave } = progress(this.receipts);
    this.leave = leave;
    this.display([h("div", { class: "box good", tabindex: "-1" }, h("p", {}, h("b", {}, t("accepted", this.receipts.length))), h("p", {}, t("accepted_hint"))), element]);
  }

  display(children, quietly = false) {
    this.result.hidden = false;
    this.result.removeAttribute("aria-busy");
    this.result.replaceChildren(...children);
    if (quietly) return;
    this.result.querySelector("[tabindex='-1']")?.focus({ preventScroll: true });
    this.result.scrollIntoView({ block: "start" });
  }
}

const failure = (text) => h("p", { class: "box bad", role: "alert", tabindex: "-1" }, text);
