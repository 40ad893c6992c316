/** The service worker: it keeps the page's own files, so that an installed page opens and can say that its box does
 * not answer. It never keeps an answer of the API. */

declare const self: ServiceWorkerGlobalScope;
export {}; // a module: its names are its own

const KEPT = "page-1";
const SHELL = "/"; // the page is the same at all its places
const PLACES = /^\/($|pair$|new$|devices$|settings$|code\/[^/]+$)/;
const FILES = /^\/(assets|icons)\//;
const SECONDS = 4; // for the box to give the page itself, before the kept one is shown

self.addEventListener("install", (event) => {
  event.waitUntil(self.skipWaiting());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (request.mode === "navigate" && PLACES.test(pathname)) event.respondWith(page(request));
  else if (FILES.test(pathname)) event.respondWith(file(request));
});

/** The box's own page where it answers in time, so that a new version is seen at once; else the one kept. */
async function page(request: Request): Promise<Response> {
  const cache = await caches.open(KEPT);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(SECONDS * 1000) });
    if (answer.ok) await cache.put(SHELL, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(SHELL);
    if (kept === undefined) throw error;
    return kept;
  }
}

/** Names hold a hash of what they name, so one that is kept is right. */
async function file(request: Request): Promise<Response> {
  const cache = await caches.open(KEPT);
  const kept = await cache.match(request);
  if (kept !== undefined) return kept;
  const answer = await fetch(request);
  if (answer.ok) {
    await forget(cache, new URL(request.url).pathname);
    await cache.put(request, answer.clone());
  }
  return answer;
}

/** Earlier versions of a file differ in the hash alone. */
async function forget(cache: Cache, path: string): Promise<void> {
  const stem = path.replace(/-[^-/]+(\.\w+)$/, "");
  for (const each of await cache.keys()) {
    const older = new URL(each.url).pathname;
    if (older !== path && older.replace(/-[^-/]+(\.\w+)$/, "") === stem && older.endsWith(path.slice(path.lastIndexOf(".")))) await cache.delete(each);
  }
}
