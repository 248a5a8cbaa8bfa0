"use strict";

// The list of clips and its actions: the menu of orders, suggested words.
{
  // A menu closes when something else is clicked or focused, or by Escape.
  const leave = (event) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      const inside = menu.contains(event.target);
      if (event.type === "keydown" ? event.key === "Escape" : !inside) {
        menu.open = false;
        if (event.type === "keydown" && inside) menu.querySelector("summary").focus();
      }
    }
  };
  for (const name of ["click", "focusin", "keydown"]) document.addEventListener(name, leave);

  // What is done to many clips takes its time, and must not be sent twice. An export is a download,
  // after which the list is still there.
  const run = document.querySelector("#changelist-actions [type=submit]");
  run?.insertAdjacentHTML("afterend", '<span class="actions-status" role="status"></span>');
  const waits = (form, told) => {
    form.querySelector(".sheet-buttons [role=status], .actions-status").textContent = told;
    for (const button of form.querySelectorAll("[type=submit]")) button.disabled = Boolean(told);
  };
  document.addEventListener("submit", ({ target: form }) => {
    if (!form.matches(".sheet, #changelist-form")) return;
    if (/^export/.test(form.elements.action?.value)) return;
    setTimeout(() => waits(form, "Working …")); // when the button's name and value are taken
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll(".sheet, #changelist-form:has(.actions-status)")) waits(form, "");
  });

  // The genres and tags that there are, asked for when a field is first entered. A field of tags
  // holds several: the suggestions complete the last one.
  let known;
  const words = async (input) => {
    known ??= fetch(new URL(input.dataset.wordsUrl, location), { headers: { Accept: "application/json" } })
      .then((answer) => (answer.ok ? answer.json() : {}))
      .catch(() => ({}));
    return (await known)[input.dataset.words] || [];
  };
  const suggest = async (input) => {
    const found = await words(input);
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
      ...found.map((word) => Object.assign(document.createElement("option"), { value: before + word })),
    );
  };
  for (const name of ["focusin", "input"]) {
    document.addEventListener(name, (event) => {
      if (event.target.matches?.("input[data-words]")) suggest(event.target);
    });
  }
}
