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

  // What was confirmed for many clips takes its time, and must not be sent twice.
  document.addEventListener("submit", (event) => {
    if (!event.target.matches(".sheet")) return;
    event.target.querySelector("[role=status]").textContent = "Working …";
    setTimeout(() => event.target.querySelectorAll("button").forEach((button) => (button.disabled = true)));
  });
  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll(".sheet button")) button.disabled = false;
    for (const status of document.querySelectorAll(".sheet [role=status]")) status.textContent = "";
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
