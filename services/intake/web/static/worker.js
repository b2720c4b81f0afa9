// The page's service worker: without the network the page opens with the forms that were last seen.
//
// It asks the network first, and answers with what it has kept where none is there. Its address has the hash of the
// page's files in it, so each release has its own, which throws away what the one before kept. All that is kept is of
// one session: it is forgotten with signing out, and where another session has begun. It leaves all POSTs alone.

const FOLDER = new URL("./", location).pathname;
const SHELL = "/";
const ANSWERS = ["/v1/me", "/v1/catalogue", "/v1/forms/"];

const isKept = ({ pathname }) => pathname === SHELL || [FOLDER, ...ANSWERS].some((place) => pathname.startsWith(place));
const placeOf = (address) => (address.pathname === SHELL ? SHELL : address.href); // the shell is the same for each part
const found = async (place) => (await caches.open(FOLDER)).match(place, { ignoreVary: true });
const forget = () => caches.delete(FOLDER);

addEventListener("install", () => skipWaiting());

addEventListener("activate", (event) => event.waitUntil(takeOver()));

async function takeOver() {
  const others = (await caches.keys()).filter((name) => name !== FOLDER);
  await Promise.all(others.map((name) => caches.delete(name)));
  await clients.claim();
}

addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (address.pathname === "/sign-out") event.waitUntil(forget());
  if (event.request.method === "GET" && isKept(address)) event.respondWith(answer(event.request, address));
});

/** The page names what it loaded before this worker was there. */
addEventListener("message", (event) => event.waitUntil(keepAll(event.data.map((address) => new URL(address)))));

async function keepAll(addresses) {
  await answer(SHELL, new URL(SHELL, location)); // first: it tells whose session it is
  for (const address of addresses.filter(isKept)) {
    if (!(await found(placeOf(address)))) await answer(address, address);
  }
}

async function answer(request, address) {
  let fresh;
  try {
    fresh = await fetch(request);
  } catch (trouble) {
    const kept = await found(placeOf(address));
    if (kept) return kept;
    throw trouble;
  }
  await keep(address, fresh.clone()).catch(() => {}); // a full device: the page goes on without it
  return fresh;
}

async function keep(address, fresh) {
  const isShell = address.pathname === SHELL;
  const isSignedOut = fresh.status === 401 || (isShell && (fresh.redirected || fresh.type === "opaqueredirect"));
  if (isSignedOut || (isShell && (await sessionOf(fresh.clone())) !== (await sessionOf(await found(SHELL))))) await forget();
  if (fresh.ok && !isSignedOut) await (await caches.open(FOLDER)).put(placeOf(address), fresh);
}

/** The word of a shell's session, which is another one in each session. */
const sessionOf = async (shell) => shell && /data-form="([^"]*)"/.exec(await shell.text())?.[1];
