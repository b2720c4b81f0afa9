// Talks to the JSON API. The browser sends the session's cookie, which no script can read; what writes has its word too.

import { language, t } from "./words.js";

export const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/** Goes to the page of signing in, and back to this part afterwards; `over`: the session has ended by itself. */
export function goToSignIn(over = false) {
  location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}${over ? "&over=true" : ""}${location.hash}`);
  return new Promise(() => {}); // the page is left
}

export async function signOut() {
  await ask("POST", "/sign-out");
  return goToSignIn();
}

/** A failed request: its problem document (RFC 9457), or the fact that no answer came. */
export class Trouble extends Error {
  constructor(status, document, retryAfter = null) {
    super(document.title);
    Object.assign(this, { status, document, retryAfter });
  }

  /** Whether the same request may succeed later. */
  get passes() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

async function ask(method, path, { query = {}, headers = {}, body } = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  const address = given.length ? `${path}?${new URLSearchParams(given)}` : path;
  const sent = { "Accept-Language": language(), ...headers, "X-NTM-Form": document.documentElement.dataset.form };
  let answer;
  try {
    answer = await fetch(address, { method, headers: sent, body, cache: "no-store", credentials: "same-origin", redirect: "error" });
  } catch {
    throw new Trouble(0, { title: t("network_title"), detail: t("network_detail") });
  }
  if (answer.ok || answer.headers.get("Content-Type") === XLSX) return answer;
  const problem = await answer.json().catch(() => ({ title: t("failed_title"), detail: t("failed_detail") }));
  const trouble = new Trouble(answer.status, problem, answer.headers.get("Retry-After"));
  if (answer.status === 401) return goToSignIn(true);
  throw trouble;
}

async function read(answer, how) {
  try {
    return await answer[how]();
  } catch {
    throw new Trouble(0, { title: t("network_title"), detail: t("network_detail") });
  }
}

/** The headers of what a page asks by itself again and again: nobody stays signed in by it. */
export const WATCHING = { "X-NTM-Watching": "true" };

export const get = async (path, query, headers) => read(await ask("GET", path, { query, headers }), "json");

const send = async (method, path, content, headers) =>
  read(await ask(method, path, { headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(content) }), "json");

export const post = (path, content, headers = {}) => send("POST", path, content, headers);

export const put = (path, content) => send("PUT", path, content, {});

export const remove = async (path) => read(await ask("DELETE", path), "json");

export async function postFile(content, query, headers = {}, path = "/v1/uploads") {
  const sent = { "Content-Type": "application/octet-stream", Accept: "application/json", ...headers };
  return read(await ask("POST", path, { query, headers: sent, body: content }), "json");
}

/** Saves the answer as a download, under the given name or else the server's. */
export async function download(method, path, { name, ...rest }) {
  const answer = await ask(method, path, rest);
  const named = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "");
  const address = URL.createObjectURL(await read(answer, "blob"));
  const link = document.createElement("a");
  Object.assign(link, { href: address, download: name ?? named?.[1] ?? "ntm.xlsx" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** A new `Idempotency-Key`: with it a request is repeated safely. (`randomUUID` needs HTTPS, this does not.) */
export function newRequest() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
