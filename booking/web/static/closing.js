// While a closing is applied or undone its page follows by itself. Without this there is a link to look again.
const EVERY = 1500;

async function look() {
  const shown = document.getElementById("progress");
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("progress");
    if (answer.ok && fresh) {
      if (fresh.dataset.working === "no") {
        location.reload();
        return;
      }
      shown.replaceChildren(...fresh.childNodes);
    }
  } catch {
    // No connection just now: the page stays as it is.
  }
  setTimeout(look, EVERY);
}

setTimeout(look, EVERY);
