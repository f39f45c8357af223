// On every page of a facility's desk: has this machine keep today's sheet, in the morning and each hour from then on.
const facility = document.body.dataset.keep;
const EVERY = 5 * 60_000; // milliseconds; the worker asks the server once an hour, whichever page is open by then

async function worker() {
  const there = await navigator.serviceWorker.register("/desk/sw.js", { scope: "/desk" });
  if (there.active) return there.active;
  const coming = there.installing ?? there.waiting;
  return new Promise((resolve) => {
    coming.addEventListener("statechange", () => coming.state === "activated" && resolve(coming));
  });
}

function told({ data }) {
  const kept = document.getElementById("kept");
  if (!kept || data.keep !== facility) return;
  kept.hidden = !data.made;
  const shown = { hour: "2-digit", minute: "2-digit", hour12: false };
  if (data.made) kept.querySelector("strong").textContent = new Date(data.made).toLocaleTimeString(document.documentElement.lang, shown);
}

async function keep(fresh) {
  (await worker()).postMessage({ keep: facility, fresh });
}

if (facility && "serviceWorker" in navigator) {
  const quietly = (fresh) => keep(fresh).catch(() => {}); // private windows refuse; everything else works
  navigator.serviceWorker.addEventListener("message", told);
  navigator.serviceWorker.startMessages();
  quietly(Boolean(document.getElementById("kept")));
  setInterval(() => quietly(false), EVERY);
  document.addEventListener("visibilitychange", () => document.hidden || quietly(false));
}
