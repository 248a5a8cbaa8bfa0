// A button with data-copy="id" copies the value or the text of that element, line by line. One with
// data-share="URL" and data-title opens the sharing of the device. Such buttons are `hidden` where
// they can't work: without scripts, or without sharing. They may be added at any time; after that,
// the event `page:changed` on the document shows them.
const LASTS = 2000; // milliseconds

const show = () => {
  for (const button of document.querySelectorAll("button[data-copy][hidden]")) {
    button.hidden = false;
  }
  if (!navigator.share) return;
  for (const button of document.querySelectorAll("button[data-share][hidden]"))
    button.hidden = false;
};

// Pages that were loaded by plain http from another machine have no clipboard.
const copyBySelection = (element) => {
  if (element.select) element.select();
  else getSelection().selectAllChildren(element);
  return document.execCommand("copy");
};

const copy = async (element) => {
  try {
    const text = element.value ?? element.innerText;
    await navigator.clipboard.writeText(text.trim());
    return true;
  } catch {
    return copyBySelection(element);
  }
};

const report = (button, text) => {
  button.dataset.label ??= button.textContent;
  button.setAttribute("aria-live", "polite");
  button.textContent = text;
  setTimeout(() => {
    button.textContent = button.dataset.label;
  }, LASTS);
};

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("button[data-copy], button[data-share]");
  if (!button) return;
  const { copy: id, share: url, title } = button.dataset;
  if (url) navigator.share({ title, url }).catch(() => {}); // people may close it
  else report(button, (await copy(document.getElementById(id))) ? "Copied" : "Press Ctrl+C");
});
document.addEventListener("page:changed", show);
show();
