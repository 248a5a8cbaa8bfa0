// Who else has this clip open, and whether it has changed: asked for as long as the page is open.

const place = document.getElementById("clip-others");
const form = document.getElementById("clip_form");
const EVERY = 15_000; // milliseconds
let used = false; // since the last time

function message(extra) {
  const body = new FormData();
  const { version, entry } = JSON.parse(form.querySelector("[name=loaded]").value);
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const values = { page: place.dataset.page, version, entry, csrfmiddlewaretoken: token, ...extra };
  for (const [name, value] of Object.entries(values)) body.append(name, value);
  return body;
}

function show(sentences) {
  if (place.textContent === sentences.join("")) return; // what was read out is not read out again
  place.replaceChildren(
    ...sentences.map((sentence) => {
      const text = document.createElement("p");
      text.textContent = sentence;
      return text;
    }),
  );
  place.hidden = sentences.length === 0;
}

function told({ name, you, since }) {
  const at = new Date(since).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return you
    ? `You have this clip open in another tab too, since ${at}.`
    : `${name} has this clip open for editing, since ${at}.`;
}

async function beat() {
  try {
    const body = message(used ? { used: "1" } : {});
    used = false;
    const answer = await fetch(place.dataset.url, { method: "POST", body });
    if (answer.redirected) {
      show(["You are no longer logged in. What you wrote is still here: log in in another tab, then save."]);
    } else if (answer.ok) {
      const { others, changed } = await answer.json();
      const warning = changed && `${changed} Nothing of it will be overwritten before you have seen it.`;
      show([...others.map(told), ...(warning ? [warning] : [])]);
    }
  } catch {
    // the service does not answer: the next time it may
  }
}

addEventListener("pagehide", () => navigator.sendBeacon(place.dataset.url, message({ leave: "1" })));
addEventListener("pageshow", (event) => {
  if (event.persisted) beat();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) beat();
});
for (const sign of ["keydown", "pointerdown"]) {
  document.addEventListener(sign, () => {
    used = true;
  });
}
document.addEventListener("clip:renewed", beat);
setInterval(beat, EVERY);
beat();
