// On a slip: print, send on, and keep it on this phone. Shown from a copy it asks again until the network is back.
const slip = document.querySelector("[data-slip]");

const offer = (name, act) => {
  const button = document.querySelector(`[data-do="${name}"]`);
  button.hidden = false;
  button.addEventListener("click", act);
};

if (slip.querySelector('[data-do="print"]')) offer("print", () => print());
if (navigator.share && slip.querySelector('[data-do="share"]')) {
  offer("share", () => navigator.share({ title: document.title, url: location.origin + location.pathname }).catch(() => {}));
}

const shown = (kept) => slip.querySelectorAll("[data-kept]").forEach((part) => (part.hidden = !kept));

const askAgain = async () => {
  const answer = await fetch(location.pathname, { method: "HEAD", cache: "no-store" }).catch(() => null);
  if (answer && answer.status < 500) location.reload();
};

const keep = async () => {
  navigator.serviceWorker.addEventListener("message", ({ data }) => data.path === location.pathname && shown(data.kept));
  await navigator.serviceWorker.register("/sw.js");
  const { active } = await navigator.serviceWorker.ready;
  active.postMessage({ path: location.pathname, made: slip.dataset.made });
};

if (slip.dataset.slip === "copy") {
  shown(true);
  addEventListener("online", askAgain);
  document.addEventListener("visibilitychange", () => document.hidden || askAgain());
  setInterval(askAgain, 15000);
} else if ("made" in slip.dataset && "serviceWorker" in navigator) {
  keep().catch(() => {}); // private windows refuse; everything else works
} else if ("caches" in window) {
  caches.open("slips").then((slips) => slips.delete(location.pathname)).catch(() => {});
}
