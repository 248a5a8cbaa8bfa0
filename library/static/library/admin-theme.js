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
