"""Pages of the running service in a browser, and checks that hold for all of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from harness.service import Server

PHONE = 360


class Open(Protocol):
    """Opens a page of the running service, logged in as the user if there is one."""

    def __call__(
        self, path: str, user: User | None = None, *, width: int = 1280, dark: bool = False
    ) -> Page:
        """Open the page with its own cookies."""


@contextmanager
def opening(browser: Browser, server: Server) -> Iterator[Open]:
    """Provide a function that opens pages. Script errors, dialogs and policy violations fail."""
    errors: list[str] = []
    contexts: list[BrowserContext] = []

    def add_policy_violation(message: ConsoleMessage) -> None:
        if "Policy" in message.text:
            errors.append(message.text)

    def open_page(
        path: str, user: User | None = None, *, width: int = 1280, dark: bool = False
    ) -> Page:
        context = browser.new_context(
            base_url=server.url,
            viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light",
        )
        contexts.append(context)
        if user:
            context.add_cookies([_session(user, server)])
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: errors.append(dialog.message))
        page.on("console", add_policy_violation)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


def log_in(page: Page) -> None:
    """Log in to the back office as a new superuser, through the form."""
    User.objects.create_superuser("editor", password="editor")
    page.goto("/admin/")
    page.get_by_label("Username").fill("editor")
    page.get_by_label("Password").fill("editor")
    page.get_by_role("button", name="Log in").click()


def look(page: Page, *schemes: str) -> None:
    """Assert that axe finds no serious fault, light or dark, and that the page fits the width."""
    page.wait_for_selector("html:not([x-cloak])")  # the theme hides a page until it is ready
    for scheme in schemes or ("dark", "light"):
        page.evaluate(
            "dark => document.documentElement.classList.toggle('dark', dark)", scheme == "dark"
        )
        faults = [
            (scheme, fault["id"], node["html"])
            for fault in Axe().run(page).response["violations"]
            for node in fault["nodes"]
            if fault["impact"] in ("serious", "critical")
        ]
        assert faults == []
    assert page.viewport_size
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]


def _session(user: User, server: Server) -> Any:
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value, "url": server.url}
