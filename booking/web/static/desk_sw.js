// Keeps today's sheet on the desk's machine, so that people are served when the net or the server is gone. Nothing else
// is kept: no form, no answer to one, no other page. The server says until when (Henkham-Keep-Until): until midnight, and
// no longer than the session it was given to. Whatever shows that nobody is signed in any more takes every copy away.
const SHEETS = "desk-sheet"; // names people
const FILES = "desk-files"; // styles, scripts and the page without a sheet; names nobody
const LOST = "/desk/lost";
const SIGN_IN = "/desk/sign-in";
const SIGN_OUT = "/desk/sign-out";
const FACILITY = /^\/desk\/([A-Za-z0-9-]+)(\/|$)/;
const UNTIL = "Henkham-Keep-Until";
const MADE = "Henkham-Made";
const HOUR = 3_600_000;
const PATIENCE = 10_000; // milliseconds a slow line has before the copy is shown meanwhile
const GONE = [502, 503, 504]; // what stands before the server says so, or the server itself
let ended = 0; // how often everything was taken away: an answer that was asked for before comes too late

addEventListener("install", (event) => event.waitUntil(keepLostPage().then(() => skipWaiting())));
addEventListener("activate", (event) => event.waitUntil(purge().then(() => clients.claim())));

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== location.origin) return;
  if (request.mode === "navigate" && pathname === SIGN_OUT) {
    event.respondWith(forget().then(() => fetch(request)).catch(() => lost()));
  } else if (request.method !== "GET") {
    return;
  } else if (request.mode === "navigate") {
    event.respondWith(shown(event, pathname));
  } else if (pathname.startsWith("/static/")) {
    event.respondWith(file(request));
  }
});

// A page of the desk is open at this facility. `fresh`: the sheet itself is looked at, so the copy is to be as new.
addEventListener("message", (event) => {
  const { keep, fresh } = event.data;
  if (typeof keep !== "string") return;
  event.waitUntil(caughtUp(copyOf(keep), Boolean(fresh)).then((made) => event.source.postMessage({ keep, made })));
});

const copyOf = (facility) => `/desk/${facility}/sheet/copy`;

async function caughtUp(path, fresh) {
  await purge();
  const copy = await kept(path);
  if (fresh || !copy || Date.now() - Date.parse(copy.headers.get(MADE)) >= HOUR) await ask(path);
  return (await kept(path))?.headers.get(MADE) ?? null;
}

// A server in trouble and no answer at all say nothing about the copy; nobody signed in says that it must go.
async function ask(path) {
  const since = ended;
  const answer = await fetch(path, { redirect: "manual", cache: "no-store" }).catch(() => null);
  if (!answer || answer.status >= 500 || answer.status === 429) return;
  if (answer.type === "opaqueredirect" || answer.status === 401) return forget();
  const sheets = await caches.open(SHEETS);
  if (!answer.ok || !(Date.parse(answer.headers.get(UNTIL)) > Date.now())) {
    await sheets.delete(path);
    return;
  }
  await keepFiles(await answer.clone().text());
  if (since !== ended) return;
  await sheets.put(path, answer);
  if (since !== ended) await forget(); // signed out while it was written
}

async function shown(event, path) {
  const asked = fetch(event.request).then(async (answer) => {
    if (path === SIGN_IN && answer.ok) await forget(); // it is shown to nobody who is signed in
    return answer;
  });
  const copy = path === SIGN_IN ? undefined : await copyFor(path);
  if (!copy) return asked.catch(() => lost());
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, null));
  const answer = await Promise.race([asked, late]).catch(() => null);
  return answer && !GONE.includes(answer.status) ? answer : asCopy(copy);
}

// The sheet of the facility of an address; for a page of the desk that belongs to none, any there is.
async function copyFor(path) {
  await purge();
  const facility = FACILITY.exec(path)?.[1];
  const own = facility && (await kept(copyOf(facility)));
  if (own) return own;
  const sheets = await caches.open(SHEETS);
  const [first] = await sheets.keys();
  return first && sheets.match(first);
}

async function kept(path) {
  const copy = await (await caches.open(SHEETS)).match(path);
  return copy && Date.parse(copy.headers.get(UNTIL)) > Date.now() ? copy : undefined;
}

// An old sheet is never shown, and not kept either.
async function purge() {
  const sheets = await caches.open(SHEETS);
  for (const request of await sheets.keys()) {
    if (!(await kept(new URL(request.url).pathname))) await sheets.delete(request);
  }
}

async function forget() {
  ended += 1;
  await caches.delete(SHEETS);
}

async function keepLostPage() {
  const answer = await fetch(LOST).catch(() => null);
  if (!answer?.ok) return;
  const page = answer.clone();
  await keepFiles(await answer.text());
  await (await caches.open(FILES)).put(LOST, page);
}

const filesOf = (text) => [...text.matchAll(/"(\/static\/[\w.-]+)"/g)].map(([, path]) => path);

// The files a page names; those that neither it nor the page without a sheet needs are of an older version.
async function keepFiles(text) {
  const files = await caches.open(FILES);
  const lostPage = await files.match(LOST);
  const needed = new Set([...filesOf(text), ...(lostPage ? filesOf(await lostPage.text()) : [])]);
  for (const request of await files.keys()) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/static/") && !needed.has(pathname)) await files.delete(request);
  }
  for (const path of needed) {
    if (!(await files.match(path))) await files.add(path).catch(() => {}); // unstyled is better than not at all
  }
}

async function file(request) {
  return (await (await caches.open(FILES)).match(request)) ?? fetch(request); // its name changes with its content
}

async function lost() {
  const page = await (await caches.open(FILES)).match(LOST);
  return page ? asCopy(page) : Response.error();
}

async function asCopy(answer) {
  const headers = new Headers(answer.headers);
  headers.delete("Content-Encoding");
  headers.delete("Content-Length");
  const text = (await answer.text()).replaceAll('data-sheet="live"', 'data-sheet="copy"');
  return new Response(text, { headers });
}
