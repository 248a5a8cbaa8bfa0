"use strict";

// The theme hides a page until its scripts have run; what was to have the focus could not have it.
document.addEventListener("alpine:initialized", () => {
  setTimeout(() => {
    const wanted = document.querySelector("[autofocus]");
    if (wanted && document.activeElement === document.body) wanted.focus();
  });
});
