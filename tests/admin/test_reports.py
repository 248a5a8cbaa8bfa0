"""The queue of reports in the back office."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from library.admin.exchange import writing
from library.admin.reports import admin as queue
from library.admin.reports import closing
from library.models import Clip, Outcome, Report, ReportMessage, Task
from library.models.report import MESSAGES_KEPT, REPORTS_KEPT
from tests.support.changelist import messages_in
from tests.support.database import await_blocked_transaction, other_connection
from tests.support.editors import chief, editor, member
from tests.support.recipes import make_clip
from tests.support.reports import RIGHTS, make_report

QUEUE = "/admin/library/report/"


@pytest.fixture
def editors(client: Client, db: None) -> Client:
    """The client of a member of the group Editors."""
    client.force_login(member("Editors"))
    return client


def act(client: Client, action: str, *reports: Report, **form: str) -> Any:
    """Run an action of the queue."""
    return client.post(
        QUEUE, {"action": action, "_selected_action": [r.pk for r in reports], **form}
    )


def listed(client: Client, query: str = "") -> list[str]:
    """Return the reports that the queue lists."""
    return [str(report) for report in client.get(QUEUE + query).context["cl"].result_list]


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_queue_shows_open_reports_the_latest_first(editors: Client) -> None:
    rain, wind = make_clip(title="Rain"), make_clip(title="Wind")
    for clip, reason in ((rain, "spam"), (wind, "rights"), (rain, "broken"), (rain, "spam")):
        make_report(clip, reason)
    closed = make_report(wind, "broken")
    Report.objects.filter(pk=closed.pk).close(None, Outcome.FIXED)
    assert listed(editors) == ["Spam: Rain", "Broken: Rain", "Rights: Wind"]
    assert listed(editors, "?reason__exact=broken") == ["Broken: Rain"]
    assert listed(editors, "?state=fixed") == ["Broken: Wind"]
    assert len(listed(editors, "?state=all")) == 4
    assert len(listed(editors, "?state=nonsense")) == 3
    assert listed(editors, "?reason__exact=nonsense") == []


def test_reports_are_found_by_clip_and_by_message(editors: Client) -> None:
    rain, wind = make_clip(title="Rain"), make_clip(title="Wind")
    make_report(rain, "spam", details="Cheap watches")
    make_report(wind, "rights", details="Mine", contact="ann@example.com")
    for text, found in (
        ("rain", ["Spam: Rain"]),
        ("WATCHES", ["Spam: Rain"]),
        ("ann@", ["Rights: Wind"]),
        (f"%23{wind.pk}", ["Rights: Wind"]),
        ("%2399999999999999999999", []),
        ("%00", ["Rights: Wind", "Spam: Rain"]),
        ("nothing", []),
    ):
        assert listed(editors, f"?q={text}") == found


def test_messages_are_escaped_and_addresses_add_no_recipients(editors: Client) -> None:
    clip = make_clip(title="<b>Rain</b>")
    html = "<script>alert(1)</script>\n<img src=x onerror=alert(1)>"
    report = make_report(clip, "rights", details=html, contact="a?bcc=b&'\"<@example.com")
    for path in (QUEUE, f"{QUEUE}{report.pk}/change/"):
        page = editors.get(path).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "<b>Rain" not in page
        assert 'href="mailto:a%3Fbcc%3Db%26%27%22%3C@example.com"' in page


def test_page_of_a_report_shows_all_its_messages(
    editors: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("library.models.report.MOST_MESSAGES", 60)
    clip = make_clip()
    for number in range(60):
        report = make_report(clip, details=f"It is number {number}.")
    page = editors.get(f"{QUEUE}{report.pk}/change/").text
    assert [f"It is number {number}." in page for number in range(60)] == [True] * 60
    assert "reports in total" not in page
    report = make_report(clip, details="It is another.")
    page = editors.get(f"{QUEUE}{report.pk}/change/").text
    assert "61 reports in total." in words(page)
    assert "It is number 0." not in page


def test_queue_takes_a_constant_number_of_queries(editors: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert editors.get(QUEUE).status_code == 200
        return len(captured)

    make_report(make_clip())
    editors.get(QUEUE)
    before = queries()
    for number in range(10):
        make_report(make_clip(), details=f"{number}")
    assert queries() == before


def test_withdrawal_asks_for_the_reason_and_settles_the_reports(editors: Client) -> None:
    clip, other = make_clip(title="Rain"), make_clip(title="Wind")
    report, same = make_report(clip, **RIGHTS), make_report(clip, "spam")
    kept = make_report(other)
    page = act(editors, "withdraw", report)
    assert "Withdraw 1 clip" in page.content.decode()
    assert "Anyone requesting it sees the reason." in page.content.decode()
    answer = act(editors, "withdraw", report, post="yes", reason="Its owner asked us to.")
    assert messages_in(answer) == ["1 clip withdrawn."]
    clip.refresh_from_db()
    assert (clip.state, clip.withdrawn_reason) == ("withdrawn", "Its owner asked us to.")
    states = [Report.objects.get(pk=each.pk).state for each in (report, same, kept)]
    assert states == ["withdrawn", "withdrawn", "open"]
    assert listed(editors) == ["Spam: Wind"]


@pytest.mark.parametrize(
    ("leave", "outcome"),
    [
        (lambda clips: clips.withdraw("A mistake."), "withdrawn"),
        (lambda clips: clips.mark_deleted(), "deleted"),
        (lambda clips: clips.make_draft(), "open"),
        (lambda clips: clips.update(title="Another"), "open"),
        (lambda clips: clips.update(play_count=5), "open"),
    ],
)
def test_reports_follow_their_clip_whoever_changes_it(
    leave: Callable[[Any], object], outcome: str, db: None
) -> None:
    report = make_report(make_clip())
    other = make_report(make_clip())
    leave(Clip.objects.filter(pk=report.clip_id))
    report.refresh_from_db()
    assert report.state == outcome
    assert (report.closed_at is None) == (outcome == "open")
    assert Report.objects.get(pk=other.pk).state == "open"


def test_api_and_import_settle_reports(client: Client, db: None) -> None:
    client.force_login(chief())
    deleted = make_report(make_clip())
    assert client.delete(f"/api/v1/clips/{deleted.clip_id}").status_code == 204
    assert Report.objects.get(pk=deleted.pk).state == "deleted"
    withdrawn = make_report(make_clip())
    clip = withdrawn.clip
    clip.state, clip.withdrawn_reason = "withdrawn", "A mistake."
    with transaction.atomic():
        writing.write([(clip, {"state", "withdrawn_reason"})])
    assert Report.objects.get(pk=withdrawn.pk).state == "withdrawn"


def test_report_is_not_settled_if_the_withdrawal_fails(db: None) -> None:
    report = make_report(make_clip())
    with transaction.atomic():
        Clip.objects.withdraw("A mistake.")
        assert Report.objects.get(pk=report.pk).state == "withdrawn"
        transaction.set_rollback(True)
    assert Report.objects.get(pk=report.pk).state == "open"


def test_new_report_after_a_settled_one_is_another_row(db: None) -> None:
    clip = make_clip()
    first = make_report(clip)
    Report.objects.filter(pk=first.pk).close(None, Outcome.DISMISSED)
    second = make_report(clip)
    assert second.pk != first.pk
    assert (second.number, second.state) == (1, "open")


def test_report_is_dismissed_with_a_note(editors: Client) -> None:
    report = make_report(make_clip(title="Rain"))
    answer = act(editors, "dismiss", report, note=" It is an e\u0301tude. ")
    assert messages_in(answer) == ["1 report dismissed."]
    report.refresh_from_db()
    user = User.objects.get(username="editors")
    assert (report.state, report.closed_by, report.note) == ("dismissed", user, "It is an étude.")
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_repr) == (user, "Spam: Rain")
    assert entry.get_change_message() == "Dismissed: It is an étude."
    page = words(editors.get(f"{QUEUE}{report.pk}/change/").text)
    assert "by editors: It is an étude." in page
    assert "Mark as fixed" not in page


def test_several_reports_are_closed_at_once(
    editors: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "CLOSED_AT_ONCE", 2)
    reports = [make_report(make_clip()) for _ in range(5)]
    answer = act(editors, "mark_as_fixed", *reports[:3], select_across="0")
    assert messages_in(answer) == ["3 reports fixed."]
    answer = act(editors, "dismiss", reports[3], select_across="1")
    assert messages_in(answer)[-1] == "2 reports dismissed."
    assert LogEntry.objects.count() == 5


@pytest.mark.parametrize("note", ["a\u202eb", "NUL \0", "two\nlines", "x" * 301])
def test_note_is_a_short_line(editors: Client, note: str) -> None:
    report = make_report(make_clip())
    (sentence,) = messages_in(act(editors, "dismiss", report, note=note))
    assert sentence.startswith("Nothing was closed. ")
    assert Report.objects.get().state == "open"


@pytest.mark.parametrize("action", ["mark_as_fixed", "withdraw"])
def test_second_of_two_editors_changes_nothing(editors: Client, action: str) -> None:
    report = make_report(make_clip())
    act(editors, "dismiss", report)
    answer = act(editors, action, report)
    assert messages_in(answer)[-1] == "Nothing was changed: the report is already closed."
    assert Report.objects.get().state == "dismissed"
    assert LogEntry.objects.count() == 1


def test_two_editors_close_a_report_at_the_same_time(clip: Clip) -> None:
    report = make_report(clip)

    def close() -> int:
        try:
            with transaction.atomic():
                return len(Report.objects.close(None, Outcome.FIXED))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with other_connection() as other:
            other.execute("SELECT FROM library_report FOR UPDATE")
            closing = pool.submit(close)
            await_blocked_transaction()
            other.execute("UPDATE library_report SET closed_at = now(), outcome = 'dismissed'")
            other.execute("COMMIT")
        assert closing.result() == 0
    report.refresh_from_db()
    assert report.state == "dismissed"


def test_report_waits_for_a_withdrawal_and_is_not_stored(clip: Clip) -> None:
    def receive() -> Report | None:
        try:
            return Report.objects.receive(clip.pk, "spam")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with other_connection() as other:
            other.execute("UPDATE library_clip SET state = 'withdrawn'")
            receiving = pool.submit(receive)
            await_blocked_transaction()
            other.execute("COMMIT")
        assert receiving.result() is None
    assert not Report.objects.exists()


def test_reports_at_the_same_time_are_one_row(clip: Clip) -> None:
    def receive(number: int) -> None:
        try:
            Report.objects.receive(clip.pk, "spam", details=str(number % 4))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(receive, range(40)))
    assert Report.objects.get().number == 40


def test_source_is_checked_on_request(editors: Client) -> None:
    clip = make_clip()
    reports = [make_report(clip, reason) for reason in ("broken", "spam")]
    answer = act(editors, "check_sources", *reports)
    assert messages_in(answer) == ["1 source will be checked. Reload the page in a moment."]
    other = make_report(make_clip())
    act(editors, "check_sources", *reports, other)
    tasks = Task.objects.filter(task_name="check_sources_of").order_by("pk")
    assert [task.args["clip_ids"] for task in tasks] == [[clip.pk], [clip.pk, other.clip_id]]
    answer = act(editors, "check_sources", reports[0], note="")
    assert answer["Location"] == f"{QUEUE}{reports[0].pk}/change/"


def test_clip_page_and_dashboard_point_to_open_reports(editors: Client) -> None:
    clip = make_clip(title="Rain")
    make_report(make_clip(title="Wind"))
    assert "open report" not in editors.get(f"/admin/library/clip/{clip.pk}/change/").text
    for reason in ("rights", "spam", "spam"):
        make_report(clip, reason)
    page = editors.get(f"/admin/library/clip/{clip.pk}/change/").text
    assert "2 open reports: spam (2 times), rights." in words(page)
    assert f'href="{QUEUE}?q=%23{clip.pk}"' in page
    assert listed(editors, f"?q=%23{clip.pk}") == ["Spam: Rain", "Rights: Rain"]
    dashboard = words(editors.get("/admin/").text)
    assert "3 reports of clips wait for an editor." in dashboard
    assert "Reports 3 " in dashboard


def test_sidebar_shows_no_badge_without_open_reports(
    editors: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    badge = 'class="badge badge-danger ml-2"'
    assert badge not in editors.get("/admin/").text
    monkeypatch.setattr(queue, "MOST_IN_BADGE", 1)
    for _ in range(2):
        make_report(make_clip())
    assert f"<span {badge}>1+</span>" in editors.get("/admin/").text


def test_reports_are_for_those_with_the_permission(client: Client, db: None) -> None:
    report = make_report(make_clip())
    client.force_login(member("Analysts"))
    assert client.get(QUEUE).status_code == 403
    assert "waits for an editor" not in client.get("/admin/").text
    client.force_login(editor("reader", "view_report"))
    assert client.get(QUEUE).status_code == 200
    page = client.get(f"{QUEUE}{report.pk}/change/").text
    assert "Dismiss" not in page
    assert "Withdraw the clip" not in page
    for action in ("dismiss", "mark_as_fixed", "withdraw", "check_sources"):
        act(client, action, report, post="yes", reason="No.")
    assert Report.objects.get().state == "open"
    assert Clip.objects.available().exists()
    assert not Task.objects.filter(task_name="check_sources_of").exists()


def test_editors_neither_add_nor_change_nor_delete_reports(editors: Client) -> None:
    url = f"{QUEUE}{make_report(make_clip()).pk}"
    assert editors.get(f"{QUEUE}add/").status_code == 403
    assert editors.post(f"{url}/change/", {"reason": "rights"}).status_code == 403
    assert editors.post(f"{url}/delete/", {"post": "yes"}).status_code == 403
    assert Report.objects.get().reason == "spam"


def test_old_closed_reports_are_pruned(db: None) -> None:
    now, margin = timezone.now(), timedelta(minutes=1)
    ages = {
        "new": MESSAGES_KEPT - margin,
        "old": MESSAGES_KEPT + margin,
        "older": REPORTS_KEPT + margin,
    }
    for title, age in ages.items():
        report = make_report(make_clip(title=title), contact="a@example.com")
        Report.objects.filter(pk=report.pk).close(None, Outcome.FIXED)
        Report.objects.filter(pk=report.pk).update(closed_at=now - age)
    waiting = make_report(make_clip(title="open"))
    Report.objects.filter(pk=waiting.pk).update(latest_at=now - 2 * REPORTS_KEPT)
    Report.objects.prune()
    titles = Report.objects.order_by("pk").values_list("clip__title", flat=True)
    assert [*titles] == ["new", "old", "open"]
    kept = ReportMessage.objects.order_by("pk").values_list("report__clip__title", flat=True)
    assert [*kept] == ["new", "open"]
