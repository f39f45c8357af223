// Counts down to the times a page names. Without this script the page says until when, and that is enough.
for (const held of document.querySelectorAll("[data-until]")) {
  const left = held.querySelector(".left");
  const told = held.querySelector(".told"); // read out by a screen reader: once at a minute, once when time is up
  const until = Date.parse(held.dataset.until);
  const show = () => {
    const seconds = Math.max(0, Math.round((until - Date.now()) / 1000));
    left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    held.classList.toggle("soon", seconds <= 60);
    if (told && seconds <= 60 && !told.textContent) told.textContent = held.dataset.soon;
    if (seconds === 0) {
      if (told) {
        left.remove();
        held.firstElementChild.textContent = "";
        told.classList.remove("unseen");
        told.textContent = held.dataset.over;
      } else held.textContent = held.dataset.over;
      clearInterval(timer);
    }
  };
  const timer = setInterval(show, 1000);
  show();
}
