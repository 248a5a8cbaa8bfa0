"use strict";

// The theme hides a page until its scripts have run; what was to have the focus could not have it.
document.addEventListener("alpine:initialized", () => {
  setTimeout(() => {
    const wanted = document.querySelector("[autofocus]");
    if (wanted && document.activeElement === document.body) wanted.focus();
  });
});

// Whoever opens the filters is led into them, and back where they came from by Escape.
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

// Django's picker of permissions labels spans, which have no role to be labelled in.
addEventListener("load", () => {
  setTimeout(() => {
    for (const icon of document.querySelectorAll(".selector .help-tooltip")) icon.role = "img";
  });
});

// What the theme opens by a click alone opens by Enter and Space too, and has a name; Escape closes
// it. The names of icons, which are words of a font, are no names of anything.
{
  const NAMES = {
    sidebarDesktopOpen: "Navigation",
    sidebarMobileOpen: "Navigation",
    openUserLinks: "Account",
    openTheme: "Colours",
  };
  const ICONS = { more_horiz: "More", search: "Search" }; // that stand alone
  const CLICKED = ":is(a:not([href]), span, div:not(#changelist-filter-close))[x-on\\:click]";
  let opener;

  const menuOf = (one) => {
    const beside = one.parentElement.querySelector(":scope > nav");
    return beside || (one.ariaLabel === "Navigation" && document.getElementById("nav-sidebar"));
  };

  document.addEventListener("alpine:initialized", () => {
    for (const one of document.querySelectorAll(CLICKED)) {
      one.role = "button";
      one.tabIndex = 0;
      const [variable] = one.getAttribute("x-on:click").split(" ");
      if (NAMES[variable]) one.ariaLabel = NAMES[variable];
    }
    for (const icon of document.querySelectorAll(".material-symbols-outlined:not([role], [aria-hidden])")) {
      const holder = icon.closest("a, button, [role=button]");
      const text = icon.textContent.trim();
      if (ICONS[text] && holder?.textContent.trim() === text) holder.ariaLabel ||= ICONS[text];
      const named = holder && (holder.title || holder.ariaLabel || holder.textContent.trim() !== text);
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
      setTimeout(() => [...menu.querySelectorAll("a, button")].find((one) => one.getClientRects().length)?.focus());
    } else if (key === "Escape" && opener && menuOf(opener)?.contains(target)) {
      opener.click();
      opener.focus();
      opener = undefined;
    }
  });
}
