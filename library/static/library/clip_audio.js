// Where the clip's audio comes from: one choice, and what is learned of it before saving.
//
// A file's beginning is sent to be judged at once, so that a wrong one is told before 20 MB have
// been sent; its length is read here, by the browser, for the same reason. Saving judges the whole.

const fieldset = document.getElementById("clip-audio");
const form = document.getElementById("clip_form");
const file = document.getElementById("id_audio_file");
const drop = fieldset.querySelector(".clip-drop");
const url = document.getElementById("id_audio_url");
const check = document.getElementById("clip-check");
const HEAD_BYTES = 65536;
const NO_ANSWER = "The service does not answer. Try again in a moment.";

function chosen() {
  return fieldset.querySelector("[name=audio_source]:checked")?.value ?? "url";
}

function choose(source) {
  fieldset.querySelector(`[name=audio_source][value=${source}]`).checked = true;
  for (const panel of fieldset.querySelectorAll("[data-source]")) {
    panel.hidden = panel.dataset.source !== source;
    for (const input of panel.querySelectorAll("input, button")) input.disabled = panel.hidden;
  }
}

function report(place, kind, ...lines) {
  place.className = `clip-report clip-report-${kind}`;
  place.replaceChildren(
    ...lines.filter(Boolean).map((line) => {
      const text = document.createElement("p");
      text.textContent = line;
      return text;
    }),
  );
}

function tell(name, detail) {
  document.dispatchEvent(new CustomEvent(name, { detail }));
}

async function ask(address, values) {
  const body = new FormData();
  for (const [name, value] of Object.entries(values)) body.append(name, value);
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const answer = await fetch(address, { method: "POST", headers: { "X-CSRFToken": token }, body });
  if (answer.redirected || answer.status === 403) {
    return { error: "You are no longer logged in. Log in in another tab, then try again." };
  }
  return answer.ok ? answer.json() : { error: NO_ANSWER };
}

function seconds(duration) {
  return Number.isFinite(duration) && duration > 0 ? `${Math.round(duration * 100) / 100} s` : "";
}

// What the browser itself finds: null if it cannot play the file.
function probe(address) {
  return new Promise((done) => {
    const video = document.createElement("video");
    video.preload = "metadata";
    video.onerror = () => done(null);
    video.onloadedmetadata = () => done({ duration: video.duration, pictures: video.videoWidth > 0 });
    video.src = address;
  });
}

function propose(id, value) {
  const field = document.getElementById(id);
  if (field && !field.value && value) field.value = value;
}

const fileReport = document.getElementById("clip-file-report");
let address = ""; // of the chosen file, in the browser's memory
let choices = 0; // so that an answer about a file before is not taken for this one's

async function take(given, others) {
  choices += 1;
  const mine = choices;
  report(fileReport, "busy", `Looking at “${given.name}”…`);
  URL.revokeObjectURL(address);
  address = URL.createObjectURL(given);
  const head = given.slice(0, HEAD_BYTES);
  const [facts, found] = await Promise.all([
    ask(fieldset.dataset.checkFile, { head, size: given.size }).catch(() => ({ error: NO_ANSWER })),
    given.size ? probe(address) : null,
  ]);
  if (mine !== choices) return;
  if (found?.pictures) facts.error ??= "This file has video. Export its audio track, for example as MP3 or M4A.";
  if (facts.error) {
    file.value = "";
    report(fileReport, "bad", `“${given.name}” was not taken.`, facts.error);
    return;
  }
  const about = [facts.kind, facts.size, seconds(found?.duration)].filter(Boolean).join(", ");
  report(
    fileReport,
    "good",
    `“${given.name}”: ${about}.`,
    others && `Only this one of ${others + 1} files was taken: a clip has one.`,
    !found && "This browser cannot play it. Its length is measured when you save.",
  );
  propose("id_title", facts.title || given.name.replace(/\.[^.]*$/, "").replace(/[_\s]+/g, " ").trim());
  propose("id_creator", facts.creator);
  tell("clip:audio", { src: address, file: given, fill: true });
}

file.addEventListener("change", () => {
  if (file.files.length) take(file.files[0], 0);
  else fileReport.replaceChildren();
});

// Anywhere on the page: a file dropped beside the area would otherwise be opened instead of the page.
function carriesFiles(event) {
  return event.dataTransfer?.types.includes("Files");
}

document.addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  choose("upload");
  drop.classList.add("clip-drop-over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) drop.classList.remove("clip-drop-over");
});
document.addEventListener("drop", (event) => {
  drop.classList.remove("clip-drop-over");
  if (!carriesFiles(event)) return;
  event.preventDefault();
  const [first, ...others] = event.dataTransfer.files;
  if (!first) return;
  choose("upload");
  const one = new DataTransfer();
  one.items.add(first);
  file.files = one.files;
  file.dispatchEvent(new Event("input", { bubbles: true })); // there is something to be saved
  take(first, others.length);
});

const urlReport = document.getElementById("clip-url-report");

async function checkSource() {
  check.disabled = true;
  check.textContent = "Checking…";
  report(urlReport, "busy", "Asking the origin. This may take a while.");
  const found = await ask(fieldset.dataset.checkSource, { url: url.value }).catch(() => ({ error: NO_ANSWER }));
  check.disabled = chosen() !== "url";
  check.textContent = "Check source";
  if (found.error) {
    report(urlReport, "bad", found.error);
    return;
  }
  const length = seconds(found.duration);
  report(
    urlReport,
    "good",
    `It serves audio: ${[found.kind, found.size, length || "length unknown"].filter(Boolean).join(", ")}.`,
    found.redirect && `It redirects to ${found.redirect}`,
  );
  tell("clip:audio", { src: found.listen });
  if (!length) return;
  tell("clip:measured", { seconds: found.duration, exact: true });
  const use = document.createElement("button");
  use.type = "button";
  use.className = "clip-button";
  use.textContent = `Use ${length} as the duration`;
  use.addEventListener("click", () => tell("clip:use"));
  urlReport.append(use);
}

check.addEventListener("click", checkSource);
url.addEventListener("input", () => urlReport.replaceChildren());
url.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault(); // of an address, Enter asks what is there; it does not save the clip
  if (!check.disabled) checkSource();
});

for (const radio of fieldset.querySelectorAll("[name=audio_source]")) {
  radio.addEventListener("change", () => choose(chosen()));
}
choose(chosen());
