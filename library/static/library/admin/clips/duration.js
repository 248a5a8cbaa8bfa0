// The duration beside the one that was measured: filled in for a new file, offered where they differ.

const field = document.getElementById("id_duration");
const hint = document.createElement("div");
hint.className = "clip-report clip-report-warn";
hint.setAttribute("role", "status");
field.closest(".relative").append(hint);

let measured = 0; // seconds
let exact = false; // by the server, whose word counts
let fill = false; // the field waits for the length of a new file

function rounded() {
  return Math.round(measured * 100) / 100;
}

function use() {
  field.value = rounded();
  field.dispatchEvent(new Event("input", { bubbles: true })); // there is something to be saved
  field.focus();
}

function show() {
  hint.replaceChildren();
  const given = Number(field.value);
  if (!measured || !given || Math.abs(given - measured) <= Math.max(1, 0.02 * measured)) return;
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
  measured = 0;
  exact = false;
  fill = Boolean(event.detail.fill) && !field.value;
  show();
});
document.addEventListener("clip:measured", (event) => {
  const told = Boolean(event.detail.exact);
  if (exact && !told) return;
  exact = told;
  measured = event.detail.seconds;
  if (fill) field.value = rounded();
  show();
});
document.addEventListener("clip:use", use);
field.addEventListener("input", () => {
  fill = false;
  show();
});
