// Lists the slips kept on this phone; what they say is read from the copies themselves.
const list = document.querySelector("#saved");
const copy = document.querySelector("[data-slip]").dataset.slip === "copy";

const card = (path, page) => {
  const said = (selector) => page.querySelector(selector)?.textContent.trim() ?? "";
  const link = document.createElement("a");
  link.className = "card";
  link.href = path;
  for (const [name, text] of [["strong", `${said(".clock")} ${said(".when .day")}`], ["muted", said(".facility-name")]]) {
    const line = document.createElement("span");
    line.className = name;
    line.textContent = text;
    link.append(line);
  }
  const item = document.createElement("li");
  item.append(link);
  return item;
};

const show = async () => {
  const slips = await caches.open("slips");
  const found = [];
  for (const request of await slips.keys()) {
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith("/t/")) continue;
    const kept = await slips.match(request);
    const until = Date.parse(kept.headers.get("Henkham-Keep-Until"));
    if (until > Date.now()) found.push([until, pathname, new DOMParser().parseFromString(await kept.text(), "text/html")]);
    else await slips.delete(request);
  }
  found.sort(([one], [other]) => one - other);
  list.replaceChildren(...found.map(([, path, page]) => card(path, page)));
  document.querySelector("#none").hidden = found.length > 0;
  document.querySelector("#remove").hidden = found.length === 0 || copy;
};

if ("caches" in window) show().catch(() => {}); // private windows refuse, and keep nothing
if (copy) addEventListener("online", () => location.reload());
