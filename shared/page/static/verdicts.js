// Verdicts as every page shows them: a word with its tone, and what became of it.

import { badge, h } from "./dom.js";
import { addWords, t } from "./words.js";

addWords({
  becomes: ["thành", "becomes"],
  status_met: ["đạt", "met"],
  status_on_track: ["đúng tiến độ", "on track"],
  status_behind: ["chậm tiến độ", "behind"],
  status_missed: ["quá hạn chưa đạt", "missed"],
  status_not_met: ["chưa đạt", "not met"],
  status_no_data: ["chưa có số liệu", "no data"],
});

const TONES = { met: "good", on_track: "good", behind: "bad", missed: "bad", not_met: "warn", no_data: "calm" };

/** A sign for each status, so that nobody has to tell colours apart. */
export const SIGNS = { met: "✓", on_track: "→", behind: "!", missed: "×", not_met: "–", no_data: "?" };

/** Statuses from the worst to the best. */
export const STATUSES = ["missed", "behind", "no_data", "not_met", "on_track", "met"];

export const status = (word) => badge(t(`status_${word}`), TONES[word] ?? "calm");

/** A value and the value that replaces it. */
export const becomes = (before, after) => h("span", { class: "becomes" }, before, h("span", { class: "arrow", "aria-label": t("becomes") }, " → "), after);
