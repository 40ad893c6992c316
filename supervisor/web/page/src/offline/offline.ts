/** The service worker: it keeps the page's own files, so that an installed page opens and can say that its box does
 * not answer. It never keeps an answer of the API. */

declare const self: ServiceWorkerGlobalScope;
export {}; // a module: its names are its own

const KEPT = "page";
const SHELL = "/"; // the page is the same at all its places
const PLACES = /^\/($|pair$|new$|devices$|settings$|code\/[^/]+$)/;
const FILES = /^\/(assets|icons)\//;
const SECONDS = 4; // for the box to give the page itself, before the kept one is shown

self.addEventListener("install", (event) => {
  event.waitUntil(Promise.all([keepShell(), self.skipWaiting()]));
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

/** The page and the files that it names, which it had loaded before this worker was there. */
async function keepShell(): Promise<void> {
  const answer = await fetch(SHELL, { cache: "no-store" });
  if (!answer.ok) return;
  await keepPage(answer.clone());
  const named = [...(await answer.text()).matchAll(/"(\/(?:assets|icons)\/[^"]+)"/g)].map((found) => found[1]!);
  await (await caches.open(KEPT)).addAll([...new Set(named)]);
}

/** The box's own page where it answers in time, so that a new version is seen at once; else the one kept. */
async function page(request: Request): Promise<Response> {
  const cache = await caches.open(KEPT);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(SECONDS * 1000) });
    if (answer.ok) await keepPage(answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(SHELL);
    if (kept === undefined) throw error;
    return kept;
  }
}

/** Keep this page; when it names other files than the one before, those of that one are of no use any more. */
async function keepPage(answer: Response): Promise<void> {
  const cache = await caches.open(KEPT);
  const [before, text] = [await (await cache.match(SHELL))?.text(), await answer.clone().text()];
  const script = (page: string | undefined) => /"(\/assets\/index-[^"]+\.js)"/.exec(page ?? "")?.[1];
  if (script(before) !== script(text)) await caches.delete(KEPT);
  await (await caches.open(KEPT)).put(SHELL, answer);
}

/** Names hold a hash of what they name, so one that is kept is right. */
async function file(request: Request): Promise<Response> {
  const cache = await caches.open(KEPT);
  const kept = await cache.match(request);
  if (kept !== undefined) return kept;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request, answer.clone());
  return answer;
}
