// Keys for clashes: F2 goes to the next one, F4 to its new time, F8 to cancelling it. Enter presses, as everywhere.
const clashes = [...document.querySelectorAll("#clashes > li")];
const current = () => clashes.findIndex((clash) => clash.contains(document.activeElement));

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  const at = current();
  let wanted = null;
  if (event.key === "F2") wanted = clashes[(at + 1) % clashes.length].querySelector("button[value=keep]");
  if (event.key === "F4") wanted = clashes[Math.max(at, 0)].querySelector("[data-part=move]");
  if (event.key === "F8") wanted = clashes[Math.max(at, 0)].querySelector("[data-part=cancel]");
  if (!wanted) return;
  event.preventDefault();
  wanted.focus();
});
