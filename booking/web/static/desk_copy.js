// A page shown from what the machine keeps: says how old it is, notices that the server answers again, and is shown no
// longer than it may be.
const sheet = document.querySelector("[data-sheet]");
const age = sheet.querySelector("[data-age]");
const back = sheet.querySelector("[data-back]");
const over = document.querySelector("[data-over]");
const made = Date.parse(sheet.dataset.made);
const until = Date.parse(sheet.dataset.until);
const MINUTE = 60_000;

function old() {
  const minutes = Math.round((Date.now() - made) / MINUTE);
  const say = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "always" });
  age.textContent = ` (${minutes < 90 ? say.format(-minutes, "minute") : say.format(-Math.round(minutes / 60), "hour")})`;
}

function tick() {
  if (age) old();
  if (over && Date.now() >= until) {
    sheet.remove();
    over.hidden = false;
  }
}

async function answers() {
  const answer = await fetch("/healthz", { cache: "no-store" }).catch(() => null);
  if (back) back.hidden = !answer?.ok;
}

if (sheet.dataset.sheet === "copy") {
  tick();
  setInterval(tick, MINUTE / 2);
  setInterval(answers, 10_000);
  addEventListener("online", answers);
  document.addEventListener("visibilitychange", () => document.hidden || answers());
}
