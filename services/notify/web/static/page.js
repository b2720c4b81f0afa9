// The page: open alerts with the people who take care of them, all alerts, the ledger of notices, and the contacts.

import "./terms.js";
import { alerts } from "./alerts.js";
import { get } from "./api.js";
import { contacts } from "./contacts.js";
import { ledger } from "./ledger.js";
import { may } from "./plain.js";
import { run } from "./shell.js";

run({
  load: () => get("/v1/me"),
  offers: (name) => name !== "contacts" || may("GET /v1/contacts"),
  parts: { open: (main) => alerts(main, true), all: (main) => alerts(main, false), notices: ledger, contacts },
});
