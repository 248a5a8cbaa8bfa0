// The choice of the clip's audio, a URL or a file, and its check before saving.
//
// The server checks the beginning of a chosen file at once, so that the wrong file is rejected
// before 20 MB are sent; the browser measures its duration for the same reason. Saving checks the
// whole file.

const fieldset = document.getElementById("clip-audio");
const form = document.getElementById("clip_form");
const file = document.getElementById("id_audio_file");
const drop = fieldset.querySelector(".clip-drop");
const url = document.getElementById("id_audio_url");
const check = document.getElementById("clip-check");
const HEAD_BYTES = 65536;
const UNREACHABLE = "The service doesn't respond. Try again in a moment.";

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

function emit(name, detail) {
  document.dispatchEvent(new CustomEvent(name, { detail }));
}

async function post(address, values) {
  const body = new FormData();
  for (const [name, value] of Object.entries(values)) body.append(name, value);
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const headers = { "X-CSRFToken": token };
  const response = await fetch(address, { method: "POST", headers, body });
  if (response.redirected || response.status === 403) {
    return { error: "You are logged out. Log in in another tab, then try again." };
  }
  return response.ok ? response.json() : { error: UNREACHABLE };
}

function seconds(duration) {
  return Number.isFinite(duration) && duration > 0 ? `${Math.round(duration * 100) / 100} s` : "";
}

// The duration that the browser finds and whether there is video; null if it can't play the file.
function probe(address) {
  return new Promise((done) => {
    const video = document.createElement("video");
    video.preload = "metadata";
    video.onerror = () => done(null);
    video.onloadedmetadata = () => done({ duration: video.duration, video: video.videoWidth > 0 });
    video.src = address;
  });
}

function propose(id, value) {
  const field = document.getElementById(id);
  if (field && !field.value && value) field.value = value;
}

const fileReport = document.getElementById("clip-file-report");
let address = ""; // the chosen file's blob: URL
let choices = 0; // the number of the latest choice: results for an earlier one are dropped

async function take(given, others) {
  choices += 1;
  const mine = choices;
  report(fileReport, "busy", `Checking “${given.name}”…`);
  URL.revokeObjectURL(address);
  address = URL.createObjectURL(given);
  const head = given.slice(0, HEAD_BYTES);
  const [facts, found] = await Promise.all([
    post(fieldset.dataset.checkFile, { head, size: given.size }).catch(() => ({
      error: UNREACHABLE,
    })),
    given.size ? probe(address) : null,
  ]);
  if (mine !== choices) return;
  if (found?.video) {
    facts.error ??= "This file contains video. Export only its sound, for example as MP3 or M4A.";
  }
  if (facts.error) {
    file.value = "";
    report(fileReport, "bad", `“${given.name}” was rejected.`, facts.error);
    return;
  }
  const about = [facts.kind, facts.size, seconds(found?.duration)].filter(Boolean).join(", ");
  report(
    fileReport,
    "good",
    `“${given.name}”: ${about}.`,
    others &&
      `A clip has one file: the other ${others === 1 ? "file was" : `${others} files were`} ignored.`,
    !found && "This browser can't play it. Its duration is measured when you save.",
  );
  propose(
    "id_title",
    facts.title ||
      given.name
        .replace(/\.[^.]*$/, "")
        .replace(/[_\s]+/g, " ")
        .trim(),
  );
  propose("id_creator", facts.creator);
  emit("clip:audio", { src: address, file: given, fill: true });
}

file.addEventListener("change", () => {
  if (file.files.length) take(file.files[0], 0);
  else fileReport.replaceChildren();
});

// Accept a file dropped anywhere: beside the area, the browser would open it and leave the page.
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
  file.dispatchEvent(new Event("input", { bubbles: true })); // so that the page warns of unsaved changes
  take(first, others.length);
});

const urlReport = document.getElementById("clip-url-report");

async function checkSource() {
  check.disabled = true;
  check.textContent = "Checking…";
  report(urlReport, "busy", "Checking the address. This may take a while.");
  const found = await post(fieldset.dataset.checkSource, { url: url.value }).catch(() => ({
    error: UNREACHABLE,
  }));
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
    `This address serves audio: ${[found.kind, found.size, length || "duration unknown"].filter(Boolean).join(", ")}.`,
    found.warning,
    found.redirect && `It redirects to ${found.redirect}`,
  );
  emit("clip:audio", { src: found.listen });
  if (!length) return;
  emit("clip:measured", { seconds: found.duration, exact: true });
  const use = document.createElement("button");
  use.type = "button";
  use.className = "clip-button";
  use.textContent = `Use ${length} as the duration`;
  use.addEventListener("click", () => emit("clip:use-duration"));
  urlReport.append(use);
}

check.addEventListener("click", checkSource);
url.addEventListener("input", () => urlReport.replaceChildren());
url.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault(); // in this field, Enter checks the address instead of saving the clip
  if (!check.disabled) checkSource();
});

for (const radio of fieldset.querySelectorAll("[name=audio_source]")) {
  radio.addEventListener("change", () => choose(chosen()));
}
choose(chosen());
