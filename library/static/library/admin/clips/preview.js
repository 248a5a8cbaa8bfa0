// Plays a preview with the values in the form, before they are saved.

const root = document.getElementById("clip-preview");
const box = root?.querySelector(".clip-preview-try");
const button = document.getElementById("clip-try");
const player = document.getElementById("clip-tried");
const report = document.getElementById("clip-try-report");
const form = document.getElementById("clip_form");
const NAMES = ["start", "length", "fade_in", "fade_out"].map((name) => `preview_${name}`);
const LOGGED_OUT = "You are logged out. Log in in another tab, then try again.";
const UNREACHABLE = "The service doesn't respond. Try again in a moment.";

let trials = 0; // the number of the latest trial: the result of an earlier one is dropped
let address = ""; // the blob: URL of the latest result

function say(kind, text) {
  report.className = `clip-report clip-report-${kind}`;
  const line = document.createElement("p");
  line.textContent = text;
  report.replaceChildren(...(text ? [line] : []));
}

function forget() {
  trials += 1;
  const audio = player.querySelector("audio");
  audio.pause();
  player.hidden = true;
  URL.revokeObjectURL(address);
  address = "";
  say("good", "");
}

async function render() {
  const body = new FormData();
  for (const name of NAMES) body.append(name, form.elements.namedItem(name).value);
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const headers = { "X-CSRFToken": token };
  const response = await fetch(root.dataset.try, { method: "POST", headers, body });
  if (response.redirected || response.status === 403) throw new Error(LOGGED_OUT);
  const type = response.headers.get("Content-Type") ?? "";
  if (response.ok && type.startsWith("audio/")) return response.blob();
  throw new Error(type.startsWith("text/plain") ? await response.text() : UNREACHABLE);
}

async function tryValues() {
  forget();
  const mine = trials;
  button.disabled = true;
  say("busy", "Making the preview…");
  try {
    const sound = await render();
    if (mine !== trials) return;
    address = URL.createObjectURL(sound);
    const audio = player.querySelector("audio");
    audio.src = address;
    player.hidden = false;
    say("good", "");
    await audio.play();
  } catch (error) {
    if (mine !== trials || error.name === "NotAllowedError") return;
    say("bad", error instanceof TypeError ? UNREACHABLE : error.message);
  } finally {
    button.disabled = false;
  }
}

if (root?.dataset.try) {
  box.hidden = false;
  button.addEventListener("click", tryValues);
  for (const name of NAMES) form.elements.namedItem(name).addEventListener("input", forget);
}
