// A part of the board reads what it shows, and follows the changes over one connection that the browser mends by itself.

import { get, WATCHING } from "./api.js";
import { h } from "./dom.js";
import { troubleBox } from "./plain.js";
import { t } from "./words.js";

const AGAIN_SECONDS = 5;

/** Shows what `read` finds by `draw`, and reads again as changes come, at most once in `seconds`. `hears` gets the
 * changes of each frame, and says whether to read again for them; the sign of the connection stands in `headline`, what
 * went wrong in `card`. Returns the function that leaves. */
export function follow({ headline, card, read, draw, hears, seconds }) {
  let connection = null;
  let isLeft = false;
  let looks = 0;

  async function look() {
    const mine = ++looks; // what a newer look has overtaken is not shown
    const isOver = () => isLeft || mine !== looks;
    let found = null;
    let after = null;
    try {
      if (!connection) ({ live_after: after } = await get("/v1/changes", { limit: 1 }, WATCHING));
      found = await read();
    } catch (trouble) {
      if (!isOver()) card.replaceChildren(troubleBox(trouble, look));
      return;
    }
    if (isOver()) return;
    draw(found);
    if (connection) return;
    connection = live({ after, read: look, hear: (items) => hears(items) && lookSoon() });
    headline.append(connection.sign);
  }

  const lookSoon = seldom(() => isLeft || look(), seconds);
  look();
  return () => {
    isLeft = true;
    connection?.end();
  };
}

/** Follows the changes from behind the number `after` on, so that none lies between a list and what follows it. `hear`
 * gets the changes of each frame; `read` reads the lists again, since too much has changed or the session has ended.
 * Returns the sign of the connection, and how to end it. */
function live({ after, hear, read }) {
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
function seldom(act, seconds) {
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
