// A button with data-copy="id" copies the text of that element. Until this script has run, and
// where the browser lets no page copy (plain http to another machine), the button stays hidden.
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) continue;
  const label = button.textContent;
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    const lines = document.getElementById(button.dataset.copy).textContent.trim().split(/\s+/);
    await navigator.clipboard.writeText(lines.join("\n"));
    button.textContent = "Copied";
    setTimeout(() => {
      button.textContent = label;
    }, 2000);
  });
}
