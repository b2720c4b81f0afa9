// The page: open alerts with the people who take care of them, all alerts, and the ledger of notices.

import "./terms.js";
import { alerts } from "./alerts.js";
import { get } from "./api.js";
import { ledger } from "./ledger.js";
import { run } from "./shell.js";

run({
  load: () => get("/v1/me"),
  parts: { open: (main) => alerts(main, true), all: (main) => alerts(main, false), notices: ledger },
});
