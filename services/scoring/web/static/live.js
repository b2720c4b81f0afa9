// The changes as they happen, over one connection that the browser mends by itself.

import { h } from "./dom.js";
import { t } from "./words.js";

const AGAIN_SECONDS = 5;

/** Follows the changes from behind the number `after` on, so that none lies between a list and what follows it. `hear`
 * gets the changes of each frame; `read` reads the lists again, since too much has changed or the session has ended.
 * Returns the sign of the connection, and how to end it. */
export function live({ after, hear, read }) {
  const sign = h("p", { class: "live", role: "status" }, t("connecting"));
  let last = after;
  let source = null;
  let timer = null;

  const show = (words, isGood) => {
    sign.classList.toggle("good", isGood);
    sign.replaceChildren(words);
  };

  function connect() {
    source = new EventSource(`/v1/changes/live?after=${last}`); // after a break the browser sends the newest number
    source.addEventListener("open", () => show(t("live"), true));
    source.addEventListener("changes", (event) => {
      last = event.lastEventId;
      hear(JSON.parse(event.data).items);
    });
    source.addEventListener("reset", (event) => {
      last = event.lastEventId;
      read();
    });
    source.addEventListener("error", () => {
      show(t("cut_off"), false);
      if (source.readyState !== EventSource.CLOSED) return; // the browser connects again
      timer = setTimeout(connect, AGAIN_SECONDS * 1000);
      read();
    });
  }

  connect();
  return {
    sign,
    end() {
      clearTimeout(timer);
      source.close();
    },
  };
}

/** Returns a function that calls `act` soon, and at most once in some seconds however often it is called. */
export function seldom(act, seconds) {
  let timer = null;
  let last = -Infinity;
  return () => {
    if (timer) return;
    const wait = Math.max(0, last + seconds * 1000 - performance.now());
    timer = setTimeout(() => {
      timer = null;
      last = performance.now();
      act();
    }, wait);
  };
}
