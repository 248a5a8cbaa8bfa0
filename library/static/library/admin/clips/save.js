// Saving without leaving the page: what is wrong is said on it, and nothing typed or chosen is lost.
//
// Without this script the form works as any other; only a chosen file must then be chosen again.

const form = document.getElementById("clip_form");
const note = document.getElementById("clip-saving");
const buttons = [...document.querySelectorAll(`[type=submit][form=${form.id}]`)];
const LOGGED_OUT = "You are no longer logged in. What you wrote is still here: log in in another tab, then save again.";
const NO_ANSWER = "Not saved: the service does not answer. What you wrote is still here. Save again in a moment.";
const NOT_ALLOWED = "Not saved: you may not change this any more.";
const TOO_LARGE = "Not saved: the file is larger than the server takes.";

function send(data, progress) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest(); // which, unlike fetch, tells how much has been sent
    request.open("POST", location.href);
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (event) => progress(event.loaded / event.total);
    request.onload = () => done(request);
    request.onerror = failed;
    request.send(data);
  });
}

// After a new login the page's token is an old one. The new one stands in a new page.
async function renewToken() {
  const page = await fetch(location.href);
  if (page.redirected) return false;
  const text = new DOMParser().parseFromString(await page.text(), "text/html");
  const token = text.querySelector("#clip_form [name=csrfmiddlewaretoken]")?.value;
  if (token) form.querySelector("[name=csrfmiddlewaretoken]").value = token;
  return Boolean(token);
}

function say(...sentences) {
  note.replaceChildren(
    ...sentences.map((sentence) => {
      const text = document.createElement("p");
      text.textContent = sentence;
      return text;
    }),
  );
  note.hidden = sentences.length === 0;
  if (sentences.length) note.focus();
}

function placeOf(name) {
  return form.querySelector(`[data-errors=${name}]`) ?? form.querySelector(`.field-${name} .relative`);
}

// Change the elements that describe an input to who listens: its help, and what is wrong.
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
  const sentences = whole.length ? [...whole] : ["Not saved yet."];
  if (names.length === 1) sentences.push("One field below needs a look.");
  if (names.length > 1) sentences.push(`${names.length} fields below need a look.`);
  say(...sentences);
}

// What others have saved meanwhile, in the fields that were not touched here.
function renew(values) {
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
        field.classList.add("clip-renewed");
      }
    }
  }
  document.dispatchEvent(new CustomEvent("clip:renewed"));
}

async function save(button) {
  const sending = () => {
    const data = new FormData(form);
    if (button?.name) data.append(button.name, button.value || "1");
    return send(data, (share) => {
      if (button && share < 1) button.textContent = `Sending… ${Math.floor(100 * share)} %`;
    });
  };
  let answer = await sending();
  if (answer.status === 403) {
    if (!(await renewToken())) return say(LOGGED_OUT);
    answer = await sending();
  }
  const isJson = answer.getResponseHeader("Content-Type")?.startsWith("application/json");
  if (answer.status === 403) return say(NOT_ALLOWED);
  if (answer.status === 413) return say(TOO_LARGE);
  if (answer.status >= 500) return say(NO_ANSWER);
  if (!isJson) return say(LOGGED_OUT);
  const { location: next, errors, values } = JSON.parse(answer.responseText);
  if (next) {
    window.removeEventListener("beforeunload", window.preventLeaving); // the theme's
    location.assign(next);
    return true;
  }
  renew(values);
  return showErrors(errors);
}

document.addEventListener(
  "submit",
  async (event) => {
    if (event.target !== form) return;
    event.preventDefault();
    event.stopPropagation(); // else the theme would take it for saved, and warn no more
    const button = event.submitter;
    const label = button?.textContent;
    for (const each of buttons) each.disabled = true;
    if (button) button.textContent = "Saving…";
    clearErrors();
    say();
    const saved = await save(button).catch(() => say(NO_ANSWER));
    if (saved) return; // the next page is on its way
    for (const each of buttons) each.disabled = false;
    if (button) button.textContent = label;
  },
  true,
);
