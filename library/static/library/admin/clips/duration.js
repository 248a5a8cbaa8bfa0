// Compares the duration field with the measured duration: fills it in for a new file, and offers the
// measured duration if the two differ. For saved audio that was analysed, a note of the page does so.

const field = document.getElementById("id_duration");
const hint = document.createElement("div");
hint.className = "clip-report clip-report-warn";
hint.setAttribute("role", "status");
field.closest(".relative").append(hint);

let analysed = "waveform" in document.getElementById("clip-player").dataset;
let measured = 0; // seconds
let exact = false; // measured by the server, which takes precedence over the browser
let fill = false; // the field is filled in when the new file is measured

function rounded() {
  return Math.round(measured * 100) / 100;
}

function use() {
  field.value = rounded();
  field.dispatchEvent(new Event("input", { bubbles: true })); // so that the page warns of unsaved changes
  field.focus();
}

function show() {
  hint.replaceChildren();
  const given = Number(field.value);
  if (analysed || !measured || !given || Math.abs(given - measured) <= Math.max(1, 0.02 * measured))
    return;
  const text = document.createElement("p");
  text.textContent = `The audio is ${rounded()} s long, not ${given} s. `;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "clip-button";
  button.textContent = `Use ${rounded()} s`;
  button.addEventListener("click", use);
  text.append(button);
  hint.append(text);
}

document.addEventListener("clip:audio", (event) => {
  analysed = false;
  measured = 0;
  exact = false;
  fill = Boolean(event.detail.fill) && !field.value;
  show();
});
document.addEventListener("clip:measured", (event) => {
  if (exact && !event.detail.exact) return;
  exact = Boolean(event.detail.exact);
  measured = event.detail.seconds;
  if (fill) field.value = rounded();
  show();
});
document.addEventListener("clip:use-duration", use);
field.addEventListener("input", () => {
  fill = false;
  show();
});
