// Shows who else has this clip open and whether it has changed, for as long as the page is open.

const notice = document.getElementById("clip-others");
const form = document.getElementById("clip_form");
const INTERVAL = 15_000; // milliseconds
let used = false; // since the last request
let shown = "";

function payload(extra) {
  const body = new FormData();
  const { version, entry } = JSON.parse(form.querySelector("[name=loaded]").value);
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const { page } = notice.dataset;
  const values = { page, version, entry, csrfmiddlewaretoken: token, ...extra };
  for (const [name, value] of Object.entries(values)) body.append(name, value);
  return body;
}

function show(...sentences) {
  const text = sentences.join("\n");
  if (text === shown) return; // or a screen reader would read it out again
  shown = text;
  notice.textContent = text;
  notice.hidden = !text;
}

function describe({ name, you, since }) {
  const time = new Date(since).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return you
    ? `You have had this clip open in another tab since ${time}.`
    : `${name} has had this clip open for editing since ${time}.`;
}

async function announce() {
  try {
    const body = payload(used ? { used: "1" } : {});
    used = false;
    const response = await fetch(notice.dataset.url, { method: "POST", body });
    if (response.redirected) {
      show("You are logged out. Your changes are still here: log in in another tab, then save.");
    } else if (response.ok) {
      const { others, changed } = await response.json();
      const warning = `${changed} When you save, you will see the changes before anything is overwritten.`;
      show(...others.map(describe), ...(changed ? [warning] : []));
    }
  } catch {
    // the service is unreachable: the next request may succeed
  }
}

addEventListener("pagehide", () =>
  navigator.sendBeacon(notice.dataset.url, payload({ leave: "1" })),
);
addEventListener("pageshow", (event) => {
  if (event.persisted) announce();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) announce();
});
for (const name of ["keydown", "pointerdown"]) {
  document.addEventListener(name, () => {
    used = true;
  });
}
document.addEventListener("clip:refreshed", announce);
setInterval(announce, INTERVAL);
announce();
