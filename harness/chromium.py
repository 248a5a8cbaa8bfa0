"""Debian's Chromium, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

CHROMIUM = shutil.which("chromium")
expect.set_options(timeout=20_000)  # milliseconds; a busy machine may take longer than its own 5 s

# Of an audio element: its duration, and where it was sought to.
SEEK = """async (audio) => {
  const once = (name) =>
    new Promise((resolve) => audio.addEventListener(name, resolve, {once: true}));
  const found = [];
  audio.muted = true;
  audio.preload = "auto";
  const loaded = once("loadedmetadata");
  audio.load();
  await loaded;
  found.push(audio.duration);
  for (const time of [20, 3]) {
    const sought = once("seeked");
    audio.currentTime = time;
    await sought;
    found.push(audio.currentTime);
  }
  return found;
}"""
# A button is clicked, and again while the page waits; the console tells what the page says of it.
CLICK_TWICE = """(button) => {
  button.click();
  setTimeout(() => {
    button.click();
    console.log(button.form.querySelector("[role=status]").textContent);
  });
}"""


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A browser that shows nothing."""
    # Playwright runs an event loop in this thread, which Django takes for an async context.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()
