// On a page that answers a form: whoever comes back to it, or looks anew, is shown a page that can be asked for.
const up = Number(document.querySelector("script[data-up]").dataset.up);
const above = location.pathname.split("/").slice(0, -up || undefined).join("/") || "/";
history.replaceState(history.state, "", up ? above : location.href);
