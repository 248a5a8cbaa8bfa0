// Reading or importing a file takes a while: show progress and ignore further submits.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (document.querySelector("form[aria-busy=true]")) event.preventDefault();
  else if (form.dataset.busy) {
    form.setAttribute("aria-busy", "true");
    form.querySelector("[role=status]").textContent = form.dataset.busy;
  }
});
// The Back button may restore an outdated page.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
// The theme's own file input shows the file's name in an element that this one lacks.
for (const input of document.querySelectorAll(".exchange-drop")) {
  input.hasChangeListener = true;
}
