"use strict";

// A button with data-copy="id" copies the text of that element. It is hidden until this script is
// there, and where the browser lets no page copy (plain http to another machine).
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) continue;
  const said = button.textContent;
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    const lines = document.getElementById(button.dataset.copy).innerText.split(/\s+/);
    await navigator.clipboard.writeText(lines.join("\n").trim());
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = said), 2000);
  });
}
