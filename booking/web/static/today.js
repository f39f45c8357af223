// Keeps the place in the line up to date: by a stream of events, and where that cannot be had by asking for the page now
// and then. Without this script the page reloads itself.
const today = document.getElementById("today");
const said = document.getElementById("said");
const stale = document.getElementById("stale");
const title = document.title.split(" · ").slice(-3).join(" · "); // without a call that stands in it already
const OLD = 90_000; // milliseconds without news after which the page says so: something comes at least every minute
let stream = null;
let wait = 2_000;
let heard = Date.now();
let retry = 0;

const part = () => today.querySelector("[data-stage]");

function show(html) {
  heard = Date.now();
  stale.hidden = true;
  const before = part();
  const fresh = new DOMParser().parseFromString(html, "text/html");
  today.replaceChildren(...fresh.body.childNodes);
  const after = part();
  if (!after) return;
  document.title = after.dataset.stage === "called" ? `● ${after.dataset.said} · ${title}` : title;
  if (after.dataset.said !== before?.dataset.said) said.textContent = after.dataset.said;
  if (["done", "left", "over", "cancelled"].includes(after.dataset.stage)) stop();
}

async function ask() {
  const answer = await fetch(location.href).catch(() => null);
  if (!answer || !answer.ok) return false;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("today");
  if (fresh) show(fresh.innerHTML);
  return true;
}

let over = false;

function stop() {
  over = true;
  clearInterval(watch);
  clearTimeout(retry);
  stream?.close();
}

function open() {
  clearTimeout(retry);
  stream?.close();
  stream = new EventSource(today.dataset.live);
  stream.onmessage = (event) => {
    wait = 2_000;
    show(JSON.parse(event.data).html);
  };
  stream.onerror = async () => {
    if (stream.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    clearTimeout(retry);
    // Where the page itself cannot be had, the server is away, and may be back any moment: within three seconds we are
    // too. Where it can, too many listen already: less and less often.
    const there = await ask();
    if (over) return;
    wait = there ? Math.min(wait * 2, 60_000) : 1_900;
    clearTimeout(retry);
    retry = setTimeout(open, wait * (0.5 + Math.random()));
  };
}

const watch = setInterval(() => {
  if (Date.now() - heard < OLD) return;
  stale.hidden = false;
  ask();
}, 15_000);

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && (stream.readyState === EventSource.CLOSED || Date.now() - heard > OLD)) open();
});

open();
