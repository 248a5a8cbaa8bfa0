// A file is read, or imported: says so while the page waits, and is sent once. Nor can an import be
// cancelled that is under way.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (document.querySelector("form[aria-busy=true]")) event.preventDefault();
  else if (form.dataset.busy) {
    form.setAttribute("aria-busy", "true");
    form.querySelector("[role=status]").textContent = form.dataset.busy;
  }
});
// Whoever comes back by the browser's button finds the page as it is now.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
// The theme writes the file's name beside its own kind of input, and looks for that in vain.
for (const input of document.querySelectorAll(".exchange-drop")) {
  input.hasChangeListener = true;
}
