// A button with data-copy="id" copies the value of that element, the items of a list, or the text. One with
// data-share="URL" and data-title opens the sharing of the device. Such buttons are `hidden` where
// they can't work: without scripts, or without sharing. They may be added at any time; after that,
// the event `page:changed` on the document shows them.
const LASTS = 2000; // milliseconds
const SELECTED = "Selected: copy it by keyboard or menu";

const show = () => {
  for (const button of document.querySelectorAll("button[data-copy][hidden]")) {
    button.setAttribute("aria-live", "polite"); // before its text changes
    button.hidden = false;
  }
  if (!navigator.share) return;
  for (const button of document.querySelectorAll("button[data-share][hidden]"))
    button.hidden = false;
};

const textOf = (element) => {
  const items = [...element.querySelectorAll("li")].map((item) => item.textContent.trim());
  return element.value ?? (items.join("\n") || element.textContent.trim());
};

// Pages that were loaded by plain http from another machine have no clipboard.
const copyBySelection = (element) => {
  if (element.select) element.select();
  else getSelection().selectAllChildren(element);
  return document.execCommand("copy");
};

const copy = async (element) => {
  try {
    await navigator.clipboard.writeText(textOf(element));
    return true;
  } catch {
    return copyBySelection(element);
  }
};

const report = (button, text) => {
  button.dataset.label ??= button.textContent;
  button.textContent = text;
  setTimeout(() => {
    button.textContent = button.dataset.label;
  }, LASTS);
};

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("button[data-copy], button[data-share]");
  if (!button) return;
  const { copy: id, share: url, title } = button.dataset;
  if (url)
    navigator.share({ title, url }).catch(() => {}); // people may close it
  else report(button, (await copy(document.getElementById(id))) ? "Copied" : SELECTED);
});
document.addEventListener("page:changed", show);
show();
