// Has the browser keep the page, so that its forms open without the network.

/** Registers the worker of this release and names what is loaded already; nothing where browsers refuse (without HTTPS). */
export async function openWithoutNetwork() {
  if (!navigator.serviceWorker) return;
  const own = new URL("worker.js", import.meta.url).href;
  const trusted = globalThis.trustedTypes?.createPolicy("worker", { createScriptURL: () => own }) ?? null;
  const { installing, waiting, active } = await navigator.serviceWorker.register(trusted ? trusted.createScriptURL("") : own, { scope: "/" });
  (installing ?? waiting ?? active).postMessage(performance.getEntriesByType("resource").map(({ name }) => name));
}
