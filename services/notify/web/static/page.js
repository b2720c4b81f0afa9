// The page: open alerts, their notices, and the people who take care of them.

import "./terms.js";
import { alerts } from "./alerts.js";
import { get } from "./api.js";
import { run } from "./shell.js";

run({
  load: () => get("/v1/me"),
  parts: { open: (main) => alerts(main, true), all: (main) => alerts(main, false) },
});
