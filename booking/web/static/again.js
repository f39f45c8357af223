// Sends the same form again after a few seconds: the same key finds out what became of it.
const form = document.querySelector("form[data-again]");
if (form) setTimeout(() => form.requestSubmit(), Number(form.dataset.again) * 1000);
