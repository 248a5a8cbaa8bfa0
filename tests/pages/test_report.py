"""The form that reports a clip: /clips/{id}/report."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
import requests
from django.db import connection
from django.test import Client
from django.utils import timezone

from library.api import throttles
from library.models import Clip, Report, ReportMessage
from library.plays.listener import reporter_hash
from tests.support.database import await_blocked_transaction, other_connection
from tests.support.recipes import make_clip
from tests.support.reports import RIGHTS, send_report

FORM_URL = "/clips/{}/report"


@pytest.fixture
def limit(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit a client to two reports in a minute, so to 20 in a day."""
    settings.CLIPS_THROTTLE = True
    settings.CLIPS_THROTTLE_RATES = {**settings.CLIPS_THROTTLE_RATES, "reports": 2}
    monkeypatch.setattr(throttles, "_counts", throttles.Counts())
    monkeypatch.setattr(throttles, "_daily_counts", throttles.Counts(throttles.DAY))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A time that tests can change: at first 23:00 UTC of some day."""
    now = [86_400.0 * 20_000 - 3600]
    monkeypatch.setattr("time.time", lambda: now[0])
    return now


def error(page: str, field: str) -> str:
    """Return the error beside a field."""
    found = re.search(rf'id="id_{field}_error"><p>(.*?)</p>', page)
    return found[1] if found else ""


def test_form_shows_the_clip_and_works_without_a_script(client: Client, clip: Clip) -> None:
    response = client.get(FORM_URL.format(clip.pk))
    assert response.status_code == 200
    assert clip.title in response.text
    assert response.text.count('type="radio"') == 3
    assert "<script" not in response.text
    assert "no-store" in response["Cache-Control"]


def test_report_is_stored_and_followed_by_a_page(client: Client, clip: Clip) -> None:
    response = send_report(client, clip, **RIGHTS)
    assert (response.status_code, response["Location"]) == (302, f"/clips/{clip.pk}/report/sent")
    report, message = Report.objects.get(), ReportMessage.objects.get()
    assert (report.clip, report.reason, report.number, report.state) == (clip, "rights", 1, "open")
    assert (message.details, message.contact) == (RIGHTS["details"], RIGHTS["contact"])
    assert "Thank you" in client.get(response["Location"]).text


def test_all_errors_are_shown_at_once_and_values_are_kept(client: Client, clip: Clip) -> None:
    page = send_report(client, clip, reason="", details="a\u202eb", contact="nobody")
    assert page.status_code == 400
    assert error(page.text, "reason") == "Choose what is wrong."
    assert error(page.text, "details").startswith("Remove the character U+202E at position 2.")
    assert error(page.text, "contact") == "Enter an address such as ann@example.com."
    assert 'value="nobody"' in page.text
    assert page.text.count("autofocus") == 3  # the radio buttons: the browser takes the first
    assert "<title>Error: " in page.text
    assert not Report.objects.exists()


def test_errors_are_linked_to_their_fields(client: Client, clip: Clip) -> None:
    page = send_report(client, clip, reason="rights").text
    assert 'aria-describedby="id_details_helptext id_details_error"' in page
    assert 'aria-describedby="id_contact_helptext id_contact_error"' in page
    assert page.count('aria-invalid="true"') == 2
    assert page.count("autofocus") == 1
    assert 'value="rights"' in page
    assert re.search(r'value="rights"[^>]* checked', page)


@pytest.mark.parametrize("reason", ["spam", "broken"])
def test_only_rights_need_details_and_an_address(client: Client, clip: Clip, reason: str) -> None:
    assert send_report(client, clip, reason=reason).status_code == 302
    page = send_report(client, clip, reason="rights", details=" \n ")
    assert error(page.text, "details") == "Say which work it is, and who holds the rights."
    assert error(page.text, "contact") == "Enter your address, so that the editors can ask you."


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reason", "everything"),
        ("reason", "spam\0"),
        ("details", "x" * 2001),
        ("details", "NUL \0"),
        ("details", "line\u2028separator"),
        ("details", "\U000e0041 tag"),
        ("details", "\u200b\u200b"),  # nothing visible
        ("contact", "a" * 250 + "@example.com"),
        ("contact", "a@example.com\0"),
        ("contact", "a@example.com\r\nBcc: b@example.com"),
        ("contact", "a@exam\u202eple.com"),
        ("contact", "two@example.com, three@example.com"),
        ("contact", "<script>@example.com"),
    ],
)
def test_hostile_values_are_refused(client: Client, clip: Clip, field: str, value: str) -> None:
    page = send_report(client, clip, **{field: value})
    assert page.status_code == 400
    assert error(page.text, field)
    assert not Report.objects.exists()


def test_html_is_escaped_and_lines_are_kept(client: Client, clip: Clip) -> None:
    html = "<script>alert(1)</script>\"'</textarea>"
    page = send_report(client, clip, details=html, contact="nobody").text
    assert "<script" not in page
    assert page.count("</textarea>") == 1
    send_report(client, clip, details="e\u0301\r\none\rtwo")
    assert ReportMessage.objects.get().details == "é\none\ntwo"


def test_line_breaks_count_once_as_in_browsers(client: Client, clip: Clip) -> None:
    assert send_report(client, clip, details="x\r\n" * 999 + "xx").status_code == 302


def test_draft_and_unknown_clip_have_no_form(client: Client, db: None) -> None:
    draft = make_clip(state="draft")
    for pk in (draft.pk, draft.pk + 1, 10**18 - 1):
        assert client.get(FORM_URL.format(pk)).status_code == 404
        assert client.post(FORM_URL.format(pk), {"reason": "spam"}).status_code == 404


def test_withdrawn_and_deleted_clips_are_gone(client: Client, db: None) -> None:
    withdrawn = make_clip(state="withdrawn", withdrawn_reason="Its creator <asked> us to.")
    deleted = make_clip(deleted_at=timezone.now())
    for clip, sentence in (
        (withdrawn, "This clip was withdrawn: Its creator &lt;asked&gt; us to."),
        (deleted, "This clip was deleted."),
    ):
        for method in (client.get, client.post):
            page = method(FORM_URL.format(clip.pk))
            assert page.status_code == 410
            assert sentence in page.text


def test_clip_withdrawn_while_the_form_is_open(client: Client, clip: Clip) -> None:
    assert client.get(FORM_URL.format(clip.pk)).status_code == 200
    Clip.objects.withdraw("A mistake.")
    page = send_report(client, clip)
    assert page.status_code == 410
    assert "A mistake." in page.text
    assert "Thank you" in client.get(f"/clips/{clip.pk}/report/sent").text
    assert clip.title not in client.get(f"/clips/{clip.pk}/report/sent").text


def test_clip_withdrawn_while_the_report_is_stored(client: Client, clip: Clip) -> None:
    def send() -> Any:
        try:
            return client.post(FORM_URL.format(clip.pk), {"reason": "spam"}, follow=True)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with other_connection() as other:
            other.execute("UPDATE library_clip SET state = 'withdrawn'")
            sending = pool.submit(send)
            await_blocked_transaction()
            other.execute("COMMIT")
        assert sending.result().redirect_chain == [(FORM_URL.format(clip.pk), 302)]
    assert sending.result().status_code == 410
    assert not Report.objects.exists()


def test_other_sites_cannot_send_the_form(clip: Clip) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert send_report(strict, clip).status_code == 403
    strict.get(FORM_URL.format(clip.pk))
    token = strict.cookies["csrftoken"].value
    assert send_report(strict, clip, csrfmiddlewaretoken=token).status_code == 302


def test_methods_are_those_of_a_form(client: Client, clip: Clip) -> None:
    url = FORM_URL.format(clip.pk)
    assert client.options(url)["Allow"] == "GET, HEAD, OPTIONS, POST"
    for method in (client.put, client.delete, client.patch):
        assert method(url).status_code == 405
    for other in (f"/clips/{clip.pk}", f"{url}/sent", "/"):
        assert client.post(other).status_code == 405


@pytest.mark.usefixtures("limit")
def test_client_may_send_few_reports_in_a_minute(client: Client, clip: Clip) -> None:
    statuses = [send_report(client, clip, details=f"{n}").status_code for n in range(2)]
    assert statuses == [302, 302]
    page = send_report(client, clip, details="Not to be lost", contact="a@example.com")
    assert page.status_code == 429
    assert 1 <= int(page["Retry-After"]) <= 60
    assert f"Wait {page['Retry-After']} second" in page.text
    assert "Not to be lost</textarea>" in page.text
    assert 'value="a@example.com"' in page.text
    assert ReportMessage.objects.count() == 2
    assert send_report(client, clip, contact="nobody").status_code == 400  # not counted
    other = Client(REMOTE_ADDR="203.0.113.9")
    assert send_report(other, clip).status_code == 302


@pytest.mark.usefixtures("limit")
@pytest.mark.parametrize("text", ["The same each time.", "Number {}"])
def test_client_may_send_few_reports_in_a_day(
    client: Client, clip: Clip, clock: list[float], text: str
) -> None:
    for number in range(20):
        assert send_report(client, clip, details=text.format(number)).status_code == 302
        clock[0] += 60 * (number % 2)
    page = send_report(client, clip, details="Not to be lost")
    assert (page.status_code, page["Retry-After"]) == (429, "3000")
    assert "Copy your text and try again tomorrow." in page.text
    assert "Not to be lost</textarea>" in page.text
    assert Report.objects.get().number == 20
    clock[0] += 3000
    assert send_report(client, clip).status_code == 302


@pytest.mark.usefixtures("limit")
def test_refused_reports_of_a_minute_do_not_count_for_the_day(
    client: Client, clip: Clip, clock: list[float]
) -> None:
    statuses = [send_report(client, clip).status_code for _ in range(25)]
    assert statuses == [302] * 2 + [429] * 23
    clock[0] += 60
    assert send_report(client, clip).status_code == 302


def test_same_text_of_a_client_is_stored_once_and_counted(client: Client, clip: Clip) -> None:
    for _ in range(3):
        send_report(client, clip, details="It is an advertisement.")
    send_report(client, clip, details="And it is loud.")
    assert Report.objects.get().number == 4
    assert ReportMessage.objects.count() == 2


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("1a 1b 1c 1d 1e", "c d e"),
        ("2a 1b 1c 1d 1e", "a d e"),  # the client with the most messages
        ("1b 1c 1d 2a 1e", "d a e"),
        ("1a@ 1b 1c 1d", "a@ c d"),  # those without an address
        ("1a@ 1b@ 1c@ 1d", "b@ c@ d"),  # but the latest is kept
        ("1a 2b@ 3c@ 4d", "b@ c@ d"),
        ("1a@ 2b@ 3c@ 4d@", "b@ c@ d@"),
        ("-a -b 1c -d", "b c d"),  # clients without a known address
    ],
)
def test_flood_about_a_clip_is_one_report_with_few_messages(
    clip: Clip, monkeypatch: pytest.MonkeyPatch, sent: str, kept: str
) -> None:
    monkeypatch.setattr("library.models.report.MOST_MESSAGES", 3)
    for message in sent.split():
        Report.objects.receive(
            clip.pk,
            "spam",
            details=message[1],
            contact="a@example.com" if message.endswith("@") else "",
            client=None if message[0] == "-" else UUID(int=int(message[0])),
        )
    report = Report.objects.get()
    assert report.number == len(sent.split())
    messages = report.messages.order_by("pk")
    assert " ".join(m.details + "@" * bool(m.contact) for m in messages) == kept


def test_no_address_is_stored(client: Client, clip: Clip) -> None:
    from ipaddress import ip_network

    from library.plays.listener import current_keys

    send_report(client, clip)
    network = ip_network("127.0.0.1")
    assert ReportMessage.objects.get().client == reporter_hash(current_keys(), network)


def test_long_body_is_refused_and_the_longest_text_fits(
    http: Callable[..., requests.Response], clip: Clip
) -> None:
    url = FORM_URL.format(clip.pk)
    for size in (50_000, 10_000_000):
        assert http("POST", url, data={"details": "x" * size}).status_code == 413
    form = http("GET", url)
    token = form.cookies["csrftoken"]
    values = {"reason": "spam", "details": "🌧" * 2000, "csrfmiddlewaretoken": token}
    sent = http("POST", url, data=values, cookies={"csrftoken": token})
    assert (sent.status_code, sent.headers["Location"]) == (302, f"{url}/sent")
    assert Report.objects.get().messages.get().details == "🌧" * 2000
