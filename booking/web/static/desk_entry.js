// Entering from paper by keyboard alone: up, down and Enter go to the same field of another row; F10 to those without
// booking. Enter saves nothing by accident; F8 does. What is typed is not left behind without a question.
const form = document.getElementById("paper-form");
const FIELDS = "input:not([type=hidden]), select";
let saved = false;

function beside(field, step) {
  const column = field.closest("td").cellIndex;
  let row = field.closest("tr");
  do row = step > 0 ? row.nextElementSibling : row.previousElementSibling;
  while (row && !row.cells[column]?.querySelector(FIELDS));
  return row?.cells[column].querySelector(FIELDS);
}

form?.addEventListener("keydown", (event) => {
  const field = event.target.closest(FIELDS);
  if (!field?.closest("table")) return;
  const list = field.tagName === "SELECT"; // its own arrows choose
  const step = { Enter: event.shiftKey ? -1 : 1, ArrowDown: list ? 0 : 1, ArrowUp: list ? 0 : -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const next = beside(field, step);
  next?.focus();
  next?.select?.();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "F10") return;
  event.preventDefault();
  document.getElementById("name-w1")?.focus();
});

const typed = () => [...form.querySelectorAll(FIELDS)].some((field) => field.name && !field.name.startsWith("service:") && (field.tagName === "SELECT" ? [...field.options].some((one) => one.selected !== one.defaultSelected && one.value) : field.value !== field.defaultValue));
form?.addEventListener("submit", () => (saved = true));
addEventListener("beforeunload", (event) => {
  if (form && !saved && typed()) event.preventDefault();
});
(document.getElementById("summary") ?? form?.querySelector("select, input:not([type=hidden])"))?.focus();
