// Saves without leaving the page, so that errors appear on it and no text and no chosen file is lost.
//
// Without this script the form still works, but after an error a file has to be chosen again.

const form = document.getElementById("clip_form");
const note = document.getElementById("clip-saving");
const buttons = [...document.querySelectorAll(`[type=submit][form=${form.id}]`)];
const LOGGED_OUT =
  "You are logged out. Your changes are still here: log in in another tab, then save again.";
const UNREACHABLE =
  "Not saved: the service doesn't respond. Your changes are still here. Save again in a moment.";
const NOT_ALLOWED = "Not saved: you no longer have permission to change this clip.";
const TOO_LARGE = "Not saved: the file is too large for the server. Choose a smaller one.";

function send(data, progress) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest(); // fetch does not report how much has been sent
    request.open("POST", location.href);
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (event) => progress(event.loaded / event.total);
    request.onload = () => done(request);
    request.onerror = failed;
    request.send(data);
  });
}

// After a new log-in the page's CSRF token is outdated: take the one of a fresh page.
async function renewToken() {
  const page = await fetch(location.href);
  if (page.redirected) return false;
  const text = new DOMParser().parseFromString(await page.text(), "text/html");
  const token = text.querySelector("#clip_form [name=csrfmiddlewaretoken]")?.value;
  if (token) form.querySelector("[name=csrfmiddlewaretoken]").value = token;
  return Boolean(token);
}

function show(...sentences) {
  note.textContent = sentences.join("\n");
  note.hidden = sentences.length === 0;
  if (sentences.length) note.focus();
}

function placeOf(name) {
  return (
    form.querySelector(`[data-errors=${name}]`) ?? form.querySelector(`.field-${name} .relative`)
  );
}

// Replace the elements that describe an input to screen readers: its help and its errors.
function describe(input, isKept, ...more) {
  const ids = (input.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean);
  input.setAttribute("aria-describedby", [...ids.filter(isKept), ...more].join(" "));
}

function clearErrors() {
  for (const list of form.querySelectorAll(".errorlist")) list.remove();
  for (const box of form.querySelectorAll(".group.errors")) box.classList.remove("errors");
  for (const input of form.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    describe(input, (id) => !id.startsWith("error_"));
  }
  document.querySelector(".errornote")?.remove();
}

function showErrors(errors) {
  const { __all__: whole = [], ...fields } = errors;
  const names = Object.keys(fields).filter(placeOf);
  for (const name of names) {
    const list = document.createElement("ul");
    list.className = "errorlist clip-error";
    list.id = `error_${name}`;
    for (const sentence of fields[name]) {
      const item = document.createElement("li");
      item.textContent = sentence;
      list.append(item);
    }
    placeOf(name).append(list);
    placeOf(name).closest(".group")?.classList.add("errors");
    const input = form.elements.namedItem(name);
    if (input instanceof HTMLElement) {
      input.setAttribute("aria-invalid", "true");
      describe(input, () => true, list.id);
    }
  }
  const sentences = whole.length ? [...whole] : ["Not saved."];
  if (names.length === 1) sentences.push("Correct the field marked below.");
  if (names.length > 1) sentences.push(`Correct the ${names.length} fields marked below.`);
  show(...sentences);
}

// Update the fields that were not edited here with what others have saved.
function refresh(values) {
  for (const [name, value] of Object.entries(values)) {
    const field = form.elements.namedItem(name);
    if (name === "audio_file") {
      const shown = form.querySelector(".file-upload b");
      if (shown) shown.textContent = value;
    } else if (field) {
      field.value = value;
      if (field instanceof RadioNodeList) {
        form.querySelector(`[name=${name}]:checked`)?.dispatchEvent(new Event("change"));
      } else if (field.type !== "hidden") {
        field.classList.add("clip-refreshed");
      }
    }
  }
  document.dispatchEvent(new CustomEvent("clip:refreshed"));
}

async function save(button) {
  const sending = () => {
    const data = new FormData(form);
    if (button?.name) data.append(button.name, button.value || "1");
    return send(data, (share) => {
      if (button && share < 1) button.textContent = `Sending… ${Math.floor(100 * share)} %`;
    });
  };
  let response = await sending();
  if (response.status === 403) {
    if (!(await renewToken())) return show(LOGGED_OUT);
    response = await sending();
  }
  const isJson = response.getResponseHeader("Content-Type")?.startsWith("application/json");
  if (response.status === 403) return show(NOT_ALLOWED);
  if (response.status === 413) return show(TOO_LARGE);
  if (response.status >= 500) return show(UNREACHABLE);
  if (!isJson) return show(LOGGED_OUT);
  const { location: next, errors, values } = JSON.parse(response.responseText);
  if (next) {
    window.removeEventListener("beforeunload", window.preventLeaving); // the theme's
    location.assign(next);
    return true;
  }
  refresh(values);
  return showErrors(errors);
}

document.addEventListener(
  "submit",
  async (event) => {
    if (event.target !== form) return;
    event.preventDefault();
    event.stopPropagation(); // or the theme would stop warning of unsaved changes
    const button = event.submitter;
    const label = button?.textContent;
    for (const each of buttons) each.disabled = true;
    if (button) button.textContent = "Saving…";
    clearErrors();
    show();
    const saved = await save(button).catch(() => show(UNREACHABLE));
    if (saved) return; // the next page is on its way
    for (const each of buttons) each.disabled = false;
    if (button) button.textContent = label;
  },
  true,
);
