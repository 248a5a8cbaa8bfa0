// A file is read, or imported: says so while the page waits, and is sent once.
for (const form of document.querySelectorAll("form[data-busy]")) {
  form.addEventListener("submit", (event) => {
    if (form.ariaBusy === "true") {
      event.preventDefault();
      return;
    }
    form.ariaBusy = "true";
    form.querySelector("[data-label]").textContent = form.dataset.busy;
  });
}
// Whoever comes back by the browser's button finds the page as it is now.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
// The theme writes the file's name beside its own kind of input, and looks for that in vain.
for (const input of document.querySelectorAll(".exchange-drop")) {
  input.hasChangeListener = true;
}
