// The list of clips and its bulk actions: menus, progress, suggestions.

// A menu closes by Escape, or when something outside it is clicked or focused.
function closeMenus(event) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    const inside = menu.contains(event.target);
    if (event.type === "keydown" ? event.key === "Escape" : !inside) {
      menu.open = false;
      if (event.type === "keydown" && inside) menu.querySelector("summary").focus();
    }
  }
}
for (const name of ["click", "focusin", "keydown"]) document.addEventListener(name, closeMenus);

// A bulk action takes a while and must not be sent twice. An export is a download: the list stays open.
const run = document.querySelector("#changelist-actions [type=submit]");
run?.insertAdjacentHTML("afterend", '<span class="actions-status" role="status"></span>');

function showProgress(form, text) {
  form.querySelector(".sheet-buttons [role=status], .actions-status").textContent = text;
  for (const button of form.querySelectorAll("[type=submit]")) button.disabled = Boolean(text);
}

document.addEventListener("submit", ({ target: form }) => {
  if (!form.matches(".sheet, #changelist-form")) return;
  if (/^export/.test(form.elements.action?.value)) return;
  setTimeout(() => showProgress(form, "Working…")); // after the browser has read the button's value
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll(".sheet, #changelist-form:has(.actions-status)"))
    showProgress(form, "");
});

// Existing genres, tags and creators, fetched when a field is first entered. A field of tags holds several:
// the suggestions complete the last one.
let known;
async function fetchWords(input) {
  known ??= fetch(new URL(input.dataset.wordsUrl, location), {
    headers: { Accept: "application/json" },
  })
    .then((response) => (response.ok ? response.json() : {}))
    .catch(() => ({}));
  return (await known)[input.dataset.words] || [];
}

async function suggest(input) {
  const words = await fetchWords(input);
  let list = input.list;
  if (!list) {
    list = document.createElement("datalist");
    list.id = `${input.id || input.name}-words`;
    input.after(list);
    input.setAttribute("list", list.id);
  }
  const end = input.dataset.words === "tag" ? input.value.lastIndexOf(",") + 1 : 0;
  const before = input.value.slice(0, end) + (end ? " " : "");
  list.replaceChildren(
    ...words.map((word) =>
      Object.assign(document.createElement("option"), { value: before + word }),
    ),
  );
}

for (const name of ["focusin", "input"]) {
  document.addEventListener(name, (event) => {
    if (event.target.matches?.("input[data-words]")) suggest(event.target);
  });
}
