// The queue of a desk and a doctor's list: parts that a stream changes, keys for what is done often, and the field that
// takes a scan, which has the focus whenever nothing else needs it. Without this script every button is a plain form.
const queue = document.getElementById("queue");
const said = document.getElementById("said");
const stale = document.getElementById("stale");
const staleAt = document.getElementById("stale-at");
const scan = document.getElementById("scan");
const found = document.getElementById("found");
const paper = document.getElementById("paper");
const printing = document.getElementById("printing");
const OLD = 12_000; // milliseconds without a word after which the page says so: one comes every four seconds
let heard = Date.now();
let stream = null;
let retry = 0;
let wait = 1_000;
let chosen = "";
let looked = ""; // what was sent last from the field; the next scan may replace it

const time = (moment) => new Date(moment).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

// -- what the stream says ---------------------------------------------------------------------------------------------

function fragment(html) {
  const made = document.createElement("template");
  made.innerHTML = html;
  return made.content;
}

function put(name, html) {
  const place = document.getElementById(`part-${name}`);
  if (!place) return;
  const inside = place.contains(document.activeElement) ? document.activeElement.dataset.do : "";
  place.replaceChildren(fragment(html));
  if (inside) (place.querySelector(`[data-do="${inside}"]`) ?? scan)?.focus();
}

// What the pointer is on, or the focus in, stays where it is on the screen: the box scrolls by what came above it.
function anchored(body, change) {
  const box = body.closest(".scroll");
  const focused = body.contains(document.activeElement) ? document.activeElement.closest("tr") : null;
  const held = body.querySelector("tr:hover") ?? focused ?? body.querySelector("tr.chosen");
  const before = held?.getBoundingClientRect().top;
  change();
  if (held?.isConnected && box && box.scrollTop) box.scrollTop += held.getBoundingClientRect().top - before;
}

function arrange(section, keys, rows) {
  const body = document.getElementById(`section-${section}`);
  if (!body) {
    if (section.startsWith("line-")) renew();
    return;
  }
  anchored(body, () => {
    const there = new Map([...body.rows].map((row) => [row.dataset.key, row]));
    let at = body.firstElementChild;
    for (const key of keys) {
      let row = there.get(key);
      const html = rows[key];
      if (html !== undefined) {
        const fresh = fragment(html).firstElementChild;
        if (row) {
          if (at === row) at = fresh;
          row.replaceWith(fresh);
        }
        row = fresh;
        if (key === chosen) row.classList.add("chosen");
      }
      there.delete(key);
      if (!row) continue;
      if (row === at) at = at.nextElementSibling;
      else body.insertBefore(row, at);
    }
    for (const row of there.values()) row.remove();
  });
}

// When each may expect to be called stands beside the rows: it changes for many at once, and a row for one.
const bands = {};
const orders = {};
const kept = {};
function learn(part) {
  for (const body of part.querySelectorAll("[data-section]")) {
    orders[body.dataset.section] = [...body.rows].map((row) => row.dataset.key);
    for (const row of body.rows) {
      kept[row.dataset.key] = row.outerHTML;
      const cell = row.querySelector("[data-band]");
      if (cell) bands[row.dataset.key] = cell.textContent;
    }
  }
}
learn(queue);

// A line that was not there when the page was made: the first one came, or a room has one of its own from now on. (A
// doctor's list is told of its own line alone.) The page asks by itself, which keeps nobody signed in.
let renewing = false;
let changed = false; // while we were asking

async function renew() {
  const place = queue.querySelector("[data-lines]");
  changed = renewing;
  if (renewing || !place) return;
  renewing = true;
  const answer = await fetch(location.href, { headers: { "Henkham-By-Itself": "1" } }).catch(() => null);
  const page = answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  const fresh = page?.querySelector("[data-lines]");
  renewing = false;
  if (!fresh) return; // the next event tries again
  place.replaceWith(document.adoptNode(fresh));
  learn(fresh);
  if (changed) renew();
}

function foresee(told) {
  Object.assign(bands, told ?? {});
  for (const cell of queue.querySelectorAll("[data-band]")) {
    const band = bands[cell.parentElement.dataset.key] ?? "";
    if (cell.textContent !== band) cell.textContent = band;
  }
}

function show(told) {
  for (const [name, html] of Object.entries(told.html ?? {})) put(name, html);
  const rows = told.rows ?? {};
  Object.assign(kept, rows);
  Object.assign(orders, told.order ?? {});
  if (!told.rows && !told.order) return; // only a sign of life
  for (const [section, keys] of Object.entries(orders)) {
    if (!told.order?.[section] && !keys.some((key) => key in rows)) continue;
    const body = document.getElementById(`section-${section}`);
    const there = new Set([...(body?.rows ?? [])].map((row) => row.dataset.key));
    const missing = keys.filter((key) => !there.has(key)); // came over from another section
    arrange(section, keys, { ...Object.fromEntries(missing.map((key) => [key, kept[key]])), ...rows });
  }
  foresee(told.bands);
}

function open() {
  clearTimeout(retry);
  stream?.close();
  stream = new EventSource(queue.dataset.live);
  stream.onmessage = (event) => {
    heard = Date.now();
    wait = 1_000;
    stale.hidden = true;
    const told = JSON.parse(event.data);
    if (told.over) {
      stream.close();
      location.reload(); // another day, or nobody signed in any more: the page says which
      return;
    }
    show(told);
  };
  stream.onerror = () => {
    if (stream.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    clearTimeout(retry);
    retry = setTimeout(open, wait * (0.5 + Math.random()));
    wait = Math.min(wait * 1.5, 1_900); // after a restart everybody is back within three seconds
  };
}

setInterval(() => {
  if (Date.now() - heard < OLD) return;
  staleAt.textContent = time(heard);
  stale.hidden = false;
}, 1_000);

// -- what is done -----------------------------------------------------------------------------------------------------

const minted = () => {
  const signs = crypto.getRandomValues(new Uint8Array(16));
  signs[6] = (signs[6] & 15) | 64;
  signs[8] = (signs[8] & 63) | 128;
  const hex = [...signs].map((sign) => sign.toString(16).padStart(2, "0")).join("");
  return [8, 12, 16, 20].reduceRight((text, at) => `${text.slice(0, at)}-${text.slice(at)}`, hex);
};

function say(text, wrong) {
  said.textContent = text;
  said.classList.toggle("empty", !text);
  said.classList.toggle("refused", Boolean(wrong));
  said.setAttribute("role", wrong ? "alert" : "status");
}

async function print(ticket) {
  const answer = await fetch(`${queue.dataset.papers}${ticket}/paper`).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("paper-80");
  if (!fresh) return;
  paper.replaceChildren(fresh);
  document.documentElement.classList.add("printing-paper");
  window.print();
  document.documentElement.classList.remove("printing-paper");
}

function back() {
  if (!scan || document.activeElement === scan) return;
  scan.focus({ preventScroll: true });
  if (scan.value === looked) scan.select();
}

// An act gives the field its focus back where it took it away, and pulls nobody out of another form.
function settle(form) {
  const active = document.activeElement;
  if (!active || active === document.body || active.form === form) back();
}

// A form is emptied of what was sent, not of what was typed meanwhile.
function empty(form, sent) {
  for (const input of form.querySelectorAll(".field input, .field select")) {
    if (input.value === sent.get(input.name)) input.value = "";
  }
}

function wrongIn(form, errors) {
  for (const field of form.querySelectorAll(".field")) {
    const input = field.querySelector("input, select");
    const line = field.querySelector(".wrong");
    if (!line) continue;
    line.textContent = errors[input.name] ?? "";
    line.hidden = !errors[input.name];
    if (errors[input.name]) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
  const first = form.querySelector("[aria-invalid]");
  first?.focus();
  first?.closest(".field").scrollIntoView({ block: "nearest" }); // with its name, and what is wrong with it
}

const unanswered = new Map(); // the very same act, its answer lost, is sent again under its old name; another has its own

const going = new Set();

async function act(form, button) {
  const data = new FormData(form, button ?? undefined);
  const scanning = form.id === "scan-form";
  data.delete("once");
  const address = button?.getAttribute("formaction") ?? form.getAttribute("action");
  const same = `${address} ${new URLSearchParams(data)}`;
  if (going.has(same)) return;
  going.add(same);
  if (scanning) looked = data.get("scan");
  if (scanning && !button?.name) scan.value = ""; // the next scan may come before the answer
  if (!unanswered.has(same)) unanswered.set(same, minted());
  data.set("once", unanswered.get(same));
  let answer = null;
  try {
    answer = await fetch(address, { method: "POST", body: new URLSearchParams(data), headers: { Accept: "application/json" } });
  } catch { /* said below */ }
  going.delete(same);
  const again = () => { // what was not settled is there again, unless something else is typed by now
    if (!scanning || scan.value) return;
    scan.value = data.get("scan");
    if (document.activeElement === scan) scan.select();
  };
  if (!answer) {
    say(stale.firstChild.textContent, true);
    again();
    return;
  }
  unanswered.delete(same);
  if (answer.redirected) {
    location.reload(); // signed out
    return;
  }
  if (!(answer.headers.get("content-type") ?? "").includes("json")) {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html"); // a page for people says what happened
    say(page.querySelector("main h1")?.textContent ?? answer.statusText, true);
    return;
  }
  const told = await answer.json();
  if (form.id === "walk-form") wrongIn(form, told.field ? { [told.field]: `${told.title} ${told.detail}` } : {});
  if (!answer.ok) {
    say([told.title, told.detail].filter(Boolean).join(" "), true);
    again();
    if (!told.field) settle(form);
    return;
  }
  if (told.found !== undefined) {
    found.replaceChildren(fragment(told.found)); // the focus stays: the next scan must press none of its buttons
    if (told.many || !fill(told.typed)) again();
    say(told.said, false);
    return;
  }
  say(told.said, false);
  if (scanning) found.replaceChildren();
  if (scanning && scan.value === data.get("scan")) scan.value = "";
  if (form.id === "walk-form") empty(form, data);
  settle(form);
  if (told.ticket && ["check_in", "walk_in"].includes(told.what) && printing?.checked) await print(told.ticket);
}

let filled = {}; // by us: what somebody typed there is left alone

function fill(typed) {
  const walk = document.getElementById("walk-form");
  const free = walk && Object.keys(typed).every((name) => ["", filled[name]].includes(walk.elements[name].value));
  if (!free || !(typed.name || typed.birth_year)) return false;
  filled = typed;
  for (const [name, value] of Object.entries(typed)) walk.elements[name].value = value;
  if (document.activeElement === scan && !scan.value) walk.elements[typed.name ? "birth_year" : "name"].focus();
  return true;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!("acts" in form.dataset)) return;
  event.preventDefault();
  if (form.id === "scan-form" && !event.submitter?.name && !scan.value.trim()) return;
  act(form, event.submitter);
});

// -- keys -------------------------------------------------------------------------------------------------------------

const KEYS = ["F2", "F4", "F7", "F8", "F9"]; // each on the one button that shows it, or on none

function choose(step) {
  const rows = [...document.querySelectorAll("[data-section] tr")];
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.dataset.key === chosen);
  const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
  for (const row of rows) row.classList.toggle("chosen", row === next);
  chosen = next.dataset.key;
  next.scrollIntoView({ block: "nearest" });
}

// The arrows go from the field into the list of who was meant, and back.
function meant(event) {
  const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const items = [...(found?.querySelectorAll("button, a") ?? [])];
  const at = items.indexOf(document.activeElement);
  if (!way || !items.length || (at < 0 && (document.activeElement !== scan || way < 0))) return false;
  if (at + way < 0) back();
  else items[Math.min(items.length - 1, at + way)].focus();
  return true;
}

document.addEventListener("keydown", (event) => {
  const active = document.activeElement;
  const empty = active === scan || active === document.body ? !scan?.value : false;
  const plain = !event.ctrlKey && !event.altKey && !event.metaKey;
  if (plain && !event.shiftKey && meant(event)) {
    event.preventDefault();
  } else if (scan && plain && event.key.length === 1 && event.key !== " " && active?.closest("a, button")) {
    scan.focus({ preventScroll: true }); // a scan, or typing: it belongs into the field, and presses nothing
    scan.select();
  } else if (plain && !event.shiftKey && KEYS.includes(event.key) && !event.repeat) {
    event.preventDefault();
    document.querySelector(`button[data-key="${event.key}"]`)?.click();
  } else if (plain && !event.shiftKey && event.key === "F10" && document.getElementById("walk-name")) {
    event.preventDefault();
    document.getElementById("walk-name").focus();
  } else if (event.key === "Escape") {
    chosen = "";
    for (const row of document.querySelectorAll("tr.chosen")) row.classList.remove("chosen");
    back();
  } else if (empty && event.key === "?") {
    event.preventDefault();
    document.getElementById("keys")?.scrollIntoView({ block: "center" });
  } else if (empty && event.key === "z" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    document.querySelector("#part-acts button")?.click();
  } else if (empty && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    choose(event.key === "ArrowDown" ? 1 : -1);
  } else if (empty && event.key === "Enter" && chosen) {
    const link = document.querySelector("tr.chosen a");
    if (link) {
      event.preventDefault();
      link.click();
    }
  }
});

// A click beside everything gives the field its focus back: the next scan must not go nowhere.
document.addEventListener("click", (event) => {
  if (!event.target.closest("a, button, input, select, label, [tabindex]") && !String(getSelection())) back();
});

if (printing) {
  try { printing.checked = localStorage.getItem("print-numbers") === "yes"; } catch { /* no storage: off */ }
  printing.addEventListener("change", () => {
    try { localStorage.setItem("print-numbers", printing.checked ? "yes" : "no"); } catch { /* kept for this page only */ }
    back();
  });
}

for (const chooser of document.querySelectorAll(".seat select")) chooser.addEventListener("change", () => chooser.form.requestSubmit());
if (queue.dataset.live && said) open();
