// Booking for others: a choice of service, day or half-day shows its times at once; slips print; "/" goes to the field.
document.querySelectorAll("[data-again]").forEach((field) =>
  field.addEventListener("change", () => field.form.requestSubmit(field.form.querySelector("[data-show]"))),
);

const button = document.querySelector('[data-do="print"]');
if (button) {
  button.hidden = false;
  button.addEventListener("click", () => print());
  if (button.autofocus) button.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input:not([type=radio]):not([type=checkbox]), select, textarea")) return;
  const field = document.querySelector('[data-key="/"]');
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
});
