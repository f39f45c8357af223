// Counts down to the times a page names. Without this script the page says until when, and that is enough.
for (const held of document.querySelectorAll("[data-until]")) {
  const left = held.querySelector(".left");
  const until = Date.parse(held.dataset.until);
  const show = () => {
    const seconds = Math.max(0, Math.round((until - Date.now()) / 1000));
    left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    held.classList.toggle("soon", seconds <= 60);
    if (seconds === 0) {
      held.textContent = held.dataset.over;
      clearInterval(timer);
    }
  };
  const timer = setInterval(show, 1000);
  show();
}
