// The board: how the plan stands and what has just changed; the districts by criterion; a commune.

import "./terms.js";
import { get } from "./api.js";
import { commune } from "./commune.js";
import { districts } from "./districts.js";
import { overview } from "./overview.js";
import { run } from "./shell.js";

if (new URLSearchParams(location.search).has("unit") && !location.hash) history.replaceState(null, "", `${location.search}#commune`); // from a mail

run({
  load: () => get("/v1/me"),
  parts: { overview, districts, commune },
});
