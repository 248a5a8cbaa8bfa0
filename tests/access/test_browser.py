"""Log-in, second factor, tokens and users in Chromium: by keyboard, on a phone, light and dark."""

import re

import pytest
from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import Page, expect

from harness.chromium import CHROMIUM
from library.models import ApiToken
from tests.support.editors import code, member
from tests.support.pages import PHONE, Open, look

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: make system-tools")


@pytest.fixture
def phone(open_page: Open) -> Page:
    """Open the log-in page on a small screen."""
    return open_page("/admin/login/", width=PHONE)


def log_in(page: Page, password: str) -> None:
    """Log in by keyboard only."""
    page.goto("/admin/login/")
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type("editors")
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_user_enrols_a_second_factor_and_logs_in_with_it(phone: Page) -> None:
    user = member("Editors")
    look(phone)
    log_in(phone, "editors")
    phone.goto("/admin/two-factor/")
    look(phone)
    phone.get_by_role("link", name="Turn on").click()
    expect(phone.get_by_role("img", name="QR code")).to_be_visible()
    look(phone)
    device = TOTPDevice.objects.get(user=user)
    phone.get_by_label("Code shown by the app").fill(code(device))
    phone.keyboard.press("Enter")
    expect(phone.locator("#recovery-codes li")).to_have_count(10)
    look(phone)
    phone.context.clear_cookies()
    log_in(phone, "editors")
    look(phone)
    phone.keyboard.type(code(TOTPDevice.objects.get(user=user), ahead=1))
    phone.keyboard.press("Enter")
    expect(phone).to_have_url(re.compile("/admin/$"))


def test_locked_log_in_says_when_to_try_again(phone: Page) -> None:
    member("Editors")
    AccessAttempt.objects.create(
        username="editors", ip_address="127.0.0.1", user_agent="", failures_since_start=4
    )
    log_in(phone, "wrong")
    expect(phone.get_by_text("Try again in 15 minutes")).to_be_visible()
    look(phone)


def test_token_is_issued_copied_revoked_and_logged(phone: Page) -> None:
    member("Editors")
    User.objects.update(is_superuser=True)
    phone.context.grant_permissions(["clipboard-read", "clipboard-write"])
    log_in(phone, "editors")
    phone.goto("/admin/library/apitoken/add/")
    phone.get_by_label("Name").fill("importer")
    look(phone)
    phone.get_by_role("button", name="Save").click()
    phone.get_by_role("button", name="Copy").click()
    expect(phone.get_by_role("button", name="Copied")).to_be_visible()
    look(phone)
    secret = phone.evaluate("navigator.clipboard.readText()")
    assert ApiToken.objects.in_force().of_secret(secret).exists()
    phone.get_by_role("link", name="All tokens").click()
    look(phone)
    phone.get_by_role("link", name="Revoke importer").click()
    phone.get_by_role("button", name="Revoke").click()
    expect(phone.get_by_text("was revoked")).to_be_visible()
    assert LogEntry.objects.count() == 2
    phone.goto("/admin/admin/logentry/")
    expect(phone.get_by_text("Revoked.")).to_be_visible()
    look(phone)
    phone.goto("/admin/auth/user/")
    look(phone)
    phone.get_by_role("button", name="Filters").press("Enter")
    expect(phone.locator("#changelist-filter a").first).to_be_focused()


def test_user_pages_are_accessible_on_a_phone(phone: Page) -> None:
    user = member("Editors")
    User.objects.update(is_superuser=True)
    log_in(phone, "editors")
    phone.goto(f"/admin/auth/user/{user.pk}/change/")
    expect(phone.get_by_role("img", name="Type into this box").first).to_be_attached()
    look(phone)
    phone.get_by_label("First name").fill("An")
    phone.get_by_label("Last name").fill("Other")
    phone.get_by_role("button", name="Save", exact=True).click()
    phone.goto("/admin/admin/logentry/")
    change = phone.locator("td.field-details")
    expect(change).to_contain_text("last name: nothing → Other")
    assert change.evaluate("cell => cell.scrollHeight <= cell.clientHeight")  # nothing is cut off
    look(phone)


def test_navigation_and_account_menus_open_by_keyboard(phone: Page) -> None:
    member("Editors")
    log_in(phone, "editors")
    phone.get_by_role("button", name="Navigation").first.press("Enter")
    expect(phone.locator("#nav-sidebar a").first).to_be_focused()
    phone.get_by_role("button", name="Account").press("Space")
    expect(phone.get_by_role("button", name="Light")).to_be_focused()
    look(phone)
    phone.keyboard.press("Escape")
    expect(phone.get_by_role("button", name="Account")).to_be_focused()
    expect(phone.get_by_role("button", name="Light")).to_be_hidden()  # the menu has faded out
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("button", name="Light")).to_be_focused()
    phone.get_by_role("button", name="Log out").press("Enter")
    expect(phone.get_by_role("link", name="Log in again")).to_be_visible()
