"""Debian's Chromium, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

CHROMIUM = shutil.which("chromium")
expect.set_options(timeout=20_000)  # milliseconds; 5 s is too short on a busy machine

# Seeks an audio element; returns its duration and the times that it reached.
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
# Clicks a button twice, the second time while the page waits; logs the page's status message.
CLICK_TWICE = """(button) => {
  button.click();
  setTimeout(() => {
    button.click();
    console.log(button.form.querySelector("[role=status]").textContent);
  });
}"""


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Yield a headless browser."""
    # Playwright runs an event loop in this thread, so Django believes it is in an async context.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()
