// Keeps the slips opened on this phone, so that they open without a connection. Nothing else is kept: no form, no answer
// to one, no other page. The server says until when a slip may be kept (Henkham-Keep-Until); a slip that comes without
// it, or not at all (404), is forgotten. The network is asked first, always; a copy says of itself that it is one.
const SLIPS = "slips";
const SAVED = "/saved";
const SLIP = /^\/t\/[A-Z0-9]{4,16}\/[\w-]{20,64}$/;
const UNTIL = "Henkham-Keep-Until";
const MADE = "Henkham-Made";
const PATIENCE = 6000; // milliseconds a slow line has before the copy is shown meanwhile
const being = new Map(); // path → a slip on its way into the store

addEventListener("install", (event) => event.waitUntil(keepSavedPage().then(() => skipWaiting())));
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode !== "navigate") {
    if (pathname.startsWith("/static/")) event.respondWith(file(request));
  } else if (SLIP.test(pathname)) {
    event.respondWith(slip(event, pathname));
  } else {
    event.respondWith(fetch(request).catch(() => lost()));
  }
});

// A slip tells when it was made; where ours is another, it is asked for anew. This is how the first one gets here:
// it was opened before there was a worker.
addEventListener("message", (event) => {
  const { path, made } = event.data;
  if (SLIP.test(path)) event.waitUntil(caughtUp(path, made).then((kept) => event.source.postMessage({ path, kept })));
});

async function caughtUp(path, made) {
  await being.get(path);
  const copy = await kept(path);
  if (copy?.headers.get(MADE) !== made) await note(path, await fetch(path).catch(() => null));
  return Boolean(await kept(path));
}

async function slip(event, path) {
  const asked = fetch(event.request).then((answer) => {
    const noted = note(path, answer.clone()).finally(() => being.delete(path));
    being.set(path, noted);
    event.waitUntil(noted);
    return answer;
  });
  const copy = await kept(path);
  if (!copy) return asked.catch(() => lost());
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, null));
  const answer = await Promise.race([asked, late]).catch(() => null);
  return answer && answer.status < 500 ? answer : asCopy(copy);
}

// What an answer says about the copy of a slip. A server in trouble (5xx) and no answer at all say nothing.
async function note(path, answer) {
  if (!answer || answer.status >= 500) return;
  const slips = await caches.open(SLIPS);
  if (answer.ok && Date.parse(answer.headers.get(UNTIL)) > Date.now()) {
    await slips.put(path, answer.clone());
    await keepFiles(slips, answer);
    const saved = await slips.match(SAVED);
    if (saved?.headers.get("Content-Language") !== answer.headers.get("Content-Language")) await keepSavedPage();
  } else if (answer.ok || answer.status === 404 || answer.type === "opaqueredirect") {
    await slips.delete(path);
  }
  await sweep(slips);
}

async function keepSavedPage() {
  const answer = await fetch(SAVED).catch(() => null);
  if (!answer?.ok) return;
  const slips = await caches.open(SLIPS);
  await slips.put(SAVED, answer.clone());
  await keepFiles(slips, answer);
}

const filesOf = (text) => [...text.matchAll(/"(\/static\/[\w.-]+)"/g)].map(([, path]) => path);

async function keepFiles(slips, answer) {
  for (const path of filesOf(await answer.text())) {
    if (!(await slips.match(path))) await slips.add(path).catch(() => {}); // unstyled is better than not at all
  }
}

// Forgets slips whose day is over, and files that no page kept needs.
async function sweep(slips) {
  const needed = new Set();
  const files = [];
  for (const request of await slips.keys()) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/static/")) {
      files.push(pathname);
    } else if (pathname === SAVED || (await kept(pathname))) {
      filesOf(await (await slips.match(pathname)).text()).forEach((path) => needed.add(path));
    }
  }
  await Promise.all(files.filter((path) => !needed.has(path)).map((path) => slips.delete(path)));
}

async function kept(path) {
  const slips = await caches.open(SLIPS);
  const copy = await slips.match(path);
  if (!copy || Date.parse(copy.headers.get(UNTIL)) > Date.now()) return copy;
  await slips.delete(path);
  return undefined;
}

async function file(request) {
  const slips = await caches.open(SLIPS);
  return (await slips.match(request)) ?? fetch(request); // its name changes with its content
}

async function lost() {
  const slips = await caches.open(SLIPS);
  await sweep(slips);
  const saved = await slips.match(SAVED);
  return saved ? asCopy(saved) : Response.error();
}

async function asCopy(answer) {
  const headers = new Headers(answer.headers);
  headers.delete("Content-Encoding");
  headers.delete("Content-Length");
  const text = (await answer.text()).replaceAll('data-slip="live"', 'data-slip="copy"');
  return new Response(text, { headers });
}
