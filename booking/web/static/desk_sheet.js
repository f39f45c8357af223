// The day sheet: printing, and the keys that stand on its buttons and links.
const print_ = document.querySelector('[data-do="print"]');
if (print_) {
  print_.hidden = false;
  print_.addEventListener("click", () => print());
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const typing = event.target.closest("input, select, textarea");
  if (typing && !/^F\d+$/.test(event.key)) return;
  const wanted = [...document.querySelectorAll("[data-press]")].find((one) => one.dataset.press.toLowerCase() === event.key.toLowerCase());
  if (!wanted || wanted.hidden || wanted.closest("[hidden]")) return;
  event.preventDefault();
  wanted.click();
});
