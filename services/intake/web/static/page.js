// The page: reports that are due, figures sent and reviewed, dossiers of recognition, and difficulties.

import "./terms.js";
import { get } from "./api.js";
import { learn, reviewStages } from "./field.js";
import * as difficulties from "./difficulties.js";
import * as dossiers from "./dossiers.js";
import * as due from "./due.js";
import * as enter from "./enter.js";
import { sendWhatWaits } from "./kept.js";
import { openWithoutNetwork } from "./offline.js";
import * as review from "./review.js";
import * as send from "./send.js";
import * as sent from "./sent.js";
import { may } from "./plain.js";
import { run } from "./shell.js";

run({
  async load() {
    const [me, catalogue] = await Promise.all([get("/v1/me"), get("/v1/catalogue")]);
    learn(me, catalogue);
    const link = new URLSearchParams(location.search); // a mail about a late report leads to its form
    if (link.has("report")) enter.preselect(link.get("report"), link.get("period"), link.get("unit"));
    else if (link.has("period")) send.preselect(link.get("period"), link.get("unit"));
    if (link.has("commune")) dossiers.preselect(link.get("commune")); // the board links to its evidence
    if (may("POST /v1/uploads")) {
      sendWhatWaits();
      openWithoutNetwork().catch(() => {}); // a browser that keeps nothing shows the page all the same
    }
    return me;
  },
  parts: { due: due.show, enter: enter.show, send: send.show, sent: sent.show, review: review.show, dossiers: dossiers.show, difficulties: difficulties.show },
  offers: (name) => {
    if (name === "enter" || name === "send") return may("POST /v1/uploads");
    return name !== "review" || (may("POST /v1/submissions/{submission_id}/review") && reviewStages().length > 0);
  },
});
