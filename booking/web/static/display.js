// The television of a waiting room: follows the stream, rings and says each call once, and says how old it is when the
// line is down. Without this script the page loads itself again.
const main = document.getElementById("display");
const screen = document.getElementById("screen");
const clock = document.querySelector("#clock time");
const age = document.getElementById("age");
const ageAt = document.getElementById("age-at");
const button = document.getElementById("sound");
const OLD = 12_000; // milliseconds without a word: one comes every four seconds
const MOST = 3; // calls rung one after the other after the line was down; the older ones are on the screen
// Otherwise each is rung: six rooms that begin at seven call six people within a second.
let heard = Date.now();
let stream = null;
let retry = 0;
let wait = 1_000;
let sound = null;
let drift = 0; // this machine's clock may be wrong: the server's counts
const waiting = [];
const rung = new Set();

const shown = (moment, seconds) => new Date(moment).toLocaleTimeString("vi", { hour: "2-digit", minute: "2-digit", second: seconds ? "2-digit" : undefined, timeZone: "Asia/Ho_Chi_Minh" });

function show(html) {
  const made = document.createElement("template");
  made.innerHTML = html;
  screen.replaceChildren(made.content);
}

// -- bell and voice ---------------------------------------------------------------------------------------------------

function bell() {
  if (!sound) return;
  [[0, 880], [0.35, 660]].forEach(([after, tone]) => {
    const at = sound.currentTime + after;
    const voice = sound.createOscillator();
    const loud = sound.createGain();
    voice.frequency.value = tone;
    loud.gain.setValueAtTime(0.0001, at);
    loud.gain.exponentialRampToValueAtTime(0.4, at + 0.02);
    loud.gain.exponentialRampToValueAtTime(0.0001, at + 0.6);
    voice.connect(loud).connect(sound.destination);
    voice.start(at);
    voice.stop(at + 0.65);
  });
}

function speak(call) {
  const voices = globalThis.speechSynthesis?.getVoices() ?? [];
  const mine = voices.find((voice) => voice.lang.toLowerCase().startsWith(document.documentElement.lang));
  if (!mine) return Promise.resolve();
  const number = call.number.replace(/^([A-Z]+)0*(\d+)$/, "$1 $2");
  const text = main.dataset.say.replace("{number}", number).replace("{room}", call.room ?? main.dataset.desk);
  return new Promise((done) => {
    const words = new SpeechSynthesisUtterance(text);
    words.voice = mine;
    words.lang = mine.lang;
    words.rate = 0.9;
    words.onend = words.onerror = done;
    setTimeout(done, 12_000); // some voices never say that they ended
    speechSynthesis.speak(words);
  });
}

const pause = (time) => new Promise((done) => setTimeout(done, time));
let busy = false;

async function ring() {
  if (busy) return;
  busy = true;
  while (waiting.length) {
    const call = waiting.shift();
    document.dispatchEvent(new CustomEvent("rung", { detail: call }));
    screen.querySelector(".call")?.classList.add("fresh");
    if (sound) {
      bell();
      await pause(1_000);
      await speak(call);
    }
    await pause(1_500);
    screen.querySelector(".call")?.classList.remove("fresh");
  }
  busy = false;
}

function called(calls, wasDown) {
  for (const call of calls) {
    if (rung.has(call.id)) continue;
    rung.add(call.id);
    waiting.push(call);
  }
  if (wasDown) waiting.splice(0, Math.max(0, waiting.length - MOST));
  ring();
}

const Sound = globalThis.AudioContext;
if (Sound) {
  button.hidden = false;
  button.addEventListener("click", () => {
    sound = new Sound();
    button.hidden = true;
    globalThis.speechSynthesis?.getVoices();
    bell();
  });
}

// -- the line ---------------------------------------------------------------------------------------------------------

function open() {
  clearTimeout(retry);
  stream?.close();
  const last = stream?.last ?? "";
  stream = new EventSource(main.dataset.live + (last ? `&since=${last}` : ""));
  stream.last = last;
  stream.onmessage = (event) => {
    const wasDown = Date.now() - heard > OLD;
    heard = Date.now();
    wait = 1_000;
    age.hidden = true;
    stream.last = event.lastEventId;
    const told = JSON.parse(event.data);
    if (told.over) {
      location.reload(); // closed at the desk: the page says so
      return;
    }
    drift = new Date(told.at) - heard;
    if (told.html) show(told.html);
    called(told.calls, wasDown);
  };
  stream.onerror = () => {
    if (stream.readyState !== EventSource.CLOSED) return; // the browser tries again by itself, from where it was
    clearTimeout(retry);
    retry = setTimeout(open, wait * (0.5 + Math.random()));
    wait = Math.min(wait * 1.5, 1_900); // after a restart it is back within three seconds
  };
}

setInterval(() => {
  clock.textContent = shown(Date.now() + drift, false);
  if (Date.now() - heard < OLD) return;
  age.hidden = false;
  ageAt.textContent = shown(heard + drift, true);
  if (stream.readyState === EventSource.OPEN) open(); // a dead line that nobody told the browser of
}, 1_000);

open();
