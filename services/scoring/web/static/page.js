// The board: how the plan stands and what has just changed; the districts by criterion.

import "./terms.js";
import { get } from "./api.js";
import { districts } from "./districts.js";
import { overview } from "./overview.js";
import { run } from "./shell.js";

run({
  load: () => get("/v1/me"),
  parts: { overview, districts },
});
