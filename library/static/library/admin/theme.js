// The theme hides a page until its scripts have run, and a hidden element cannot receive the focus.
document.addEventListener("alpine:initialized", () => {
  setTimeout(() => {
    const first = document.querySelector("[autofocus]");
    if (first && document.activeElement === document.body) first.focus();
  });
});

// Opening the filters moves the focus into them; Escape moves it back.
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-opens-filters]")) return;
  requestAnimationFrame(() => {
    document.querySelector("#changelist-filter :is(input:not([type=hidden]), select, a)")?.focus();
  });
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !event.target.closest("#changelist-filter")) return;
  document.querySelector("[data-opens-filters]")?.focus();
});

// Django's picker of permissions labels spans without a role, which accessibility rules forbid.
addEventListener("load", () => {
  setTimeout(() => {
    for (const icon of document.querySelectorAll(".selector .help-tooltip")) icon.role = "img";
  });
});

// The theme's menus open only by a click and have no accessible names. Here they get names, open by
// Enter and Space, and close by Escape. An icon is a word in an icon font: screen readers must not
// read it.
{
  const NAMES = {
    sidebarDesktopOpen: "Navigation",
    sidebarMobileOpen: "Navigation",
    openUserLinks: "Account",
    openTheme: "Colours",
  };
  const ICONS = { more_horiz: "More", search: "Search" }; // of buttons without text
  const CLICKABLE = ":is(a:not([href]), span, div:not(#changelist-filter-close))[x-on\\:click]";
  let opener;

  const menuOf = (button) => {
    const sibling = button.parentElement.querySelector(":scope > nav");
    return sibling || (button.ariaLabel === "Navigation" && document.getElementById("nav-sidebar"));
  };

  document.addEventListener("alpine:initialized", () => {
    for (const element of document.querySelectorAll(CLICKABLE)) {
      element.role = "button";
      element.tabIndex = 0;
      const [variable] = element.getAttribute("x-on:click").split(" ");
      if (NAMES[variable]) element.ariaLabel = NAMES[variable];
    }
    for (const icon of document.querySelectorAll(
      ".material-symbols-outlined:not([role], [aria-hidden])",
    )) {
      const holder = icon.closest("a, button, [role=button]");
      const text = icon.textContent.trim();
      if (ICONS[text] && holder?.textContent.trim() === text) holder.ariaLabel ||= ICONS[text];
      const named =
        holder && (holder.title || holder.ariaLabel || holder.textContent.trim() !== text);
      if (!holder || named) icon.ariaHidden = "true";
    }
  });

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if ((key === "Enter" || key === " ") && target.matches("[role=button][x-on\\:click]")) {
      event.preventDefault();
      target.click();
      const menu = menuOf(target);
      if (!menu) return;
      opener = target;
      setTimeout(() =>
        [...menu.querySelectorAll("a, button")]
          .find((link) => link.getClientRects().length)
          ?.focus(),
      );
    } else if (key === "Escape" && opener && menuOf(opener)?.contains(target)) {
      opener.click();
      opener.focus();
      opener = undefined;
    }
  });
}
