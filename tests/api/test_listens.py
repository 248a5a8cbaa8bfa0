"""Reports of players over HTTP."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import requests
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from library.api.listen_reports import ReportSerializer, quick_report
from library.models import Clip, Listen, PlayEvent, RequestCount
from tests.support import recipes
from tests.support.listens import make_older

Http = Callable[..., requests.Response]
ELSEWHERE = {"Origin": "https://elsewhere.example"}
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def path(clip: Clip) -> str:
    return f"/api/v1/clips/{clip.pk}/listens"


def report(**changes: Any) -> str:
    made = {"session": str(uuid4()), "position": 1.5, "state": "playing", **changes}
    return json.dumps(made)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain;charset=UTF-8"},  # of a string
        {"Content-Type": "application/json"},  # of a Blob with a type
        {},  # of a Blob without one
        {"Content-Type": "text/plain", "Cookie": "sessionid=x", "Authorization": "Bearer wrong"},
        {"Content-Type": "text/plain", "Accept": "text/html"},
    ],
)
def test_report_is_accepted_as_browsers_send_it(
    http: Http, clip: Clip, headers: dict[str, str]
) -> None:
    answer = http("POST", path(clip), data=report(), headers=ELSEWHERE | headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == ELSEWHERE["Origin"]
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "origin" in answer.headers["Vary"].lower()
    assert Listen.objects.get().position == 1500


def test_page_of_another_site_may_send_json(http: Http, clip: Clip) -> None:
    """A beacon has credentials, for which `*` is no permission."""
    wanted = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = http("OPTIONS", path(clip), headers=ELSEWHERE | wanted)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == ELSEWHERE["Origin"]
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "content-type" in answer.headers["Access-Control-Allow-Headers"].lower()


def test_report_is_no_play(http: Http, clip: Clip) -> None:
    session = str(uuid4())
    for position in (0, 1, 28.5):
        assert http("POST", path(clip), data=report(session=session, position=position)).ok
    clip.refresh_from_db()
    assert (clip.play_count, PlayEvent.objects.count()) == (0, 0)


def test_statistics_include_the_latest_report(http: Http, clip: Clip) -> None:
    http("POST", path(clip), data=report())
    heard = http("GET", f"/api/v1/clips/{clip.pk}/stats").json()["heard"]
    assert heard == {"listens": 1, "seconds": 0, "median_share": 0, "retention": [0] * 20}


@pytest.mark.parametrize(
    ("changes", "name", "sentence"),
    [
        ({"session": "me"}, "session", "Must be a UUID, such as crypto.randomUUID() returns."),
        ({"session": 5}, "session", "Must be a string."),
        ({"session": None}, "session", "This field may not be null."),
        ({"position": "1.5"}, "position", "Must be a number."),
        ({"position": True}, "position", "Must be a number."),
        ({"position": -0.1}, "position", "Ensure this value is greater than or equal to 0."),
        ({"position": 1e300}, "position", "Ensure this value is less than or equal to 86400."),
        ({"state": "stopped"}, "state", "Must be one of: playing, paused, ended."),
        ({"state": ["playing"]}, "state", "Must be one of: playing, paused, ended."),
        ({"clip": 5}, "clip", "Unknown field “clip”. The fields are: session, position, state."),
    ],
)
def test_invalid_field_is_400_by_its_name(
    http: Http, clip: Clip, changes: dict[str, Any], name: str, sentence: str
) -> None:
    answer = http("POST", path(clip), data=report(**changes))
    assert (answer.status_code, answer.json()[name]) == (400, [sentence])
    assert not Listen.objects.exists()


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ("", {}, 400, None),
        ("null", {}, 400, None),
        ("[]", {}, 400, None),
        ("{}", {}, 400, None),
        ("{", {}, 400, "parse_error"),
        ('{"position": NaN}', {}, 400, "parse_error"),
        ('{"position": 1, "position": 2}', {}, 400, "repeated_name"),
        ("x" * 1001, {}, 413, "payload_too_large"),
        ("position=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415, None),
        ("{}", {"Content-Encoding": "gzip"}, 415, "unsupported_content_encoding"),
    ],
)
def test_invalid_body_is_refused(
    http: Http, clip: Clip, body: str, headers: dict[str, str], status: int, code: str | None
) -> None:
    answer = http("POST", path(clip), data=body, headers={"Content-Type": "text/plain"} | headers)
    assert answer.status_code == status
    assert code is None or answer.json()["code"] == code


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_only_post_is_allowed(http: Http, clip: Clip, method: str) -> None:
    answer = http(method, path(clip))
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST, OPTIONS")


def test_clip_that_is_not_public_has_no_listens(http: Http, clip: Clip) -> None:
    def send() -> tuple[int, str]:
        answer = http("POST", path(clip), data=report())
        return answer.status_code, answer.json()["code"]

    for state, expected in (
        ("draft", (404, "not_found")),
        ("withdrawn", (410, "clip_withdrawn")),
    ):
        Clip.objects.update(state=state, withdrawn_reason="Its creator asked us to.")
        assert send() == expected
    Clip.objects.all().mark_deleted()
    assert send() == (410, "clip_deleted")
    Clip.objects.all().delete()
    assert send() == (404, "not_found")


def test_session_of_another_day_is_410(http: Http, clip: Clip) -> None:
    body = report()
    http("POST", path(clip), data=body)
    make_older(hours=24)
    answer = http("POST", path(clip), data=body)
    assert (answer.status_code, answer.json()["code"]) == (410, "session_expired")


def test_crawler_is_no_listener(http: Http, clip: Clip) -> None:
    answer = http("POST", path(clip), data=report(), headers={"User-Agent": CRAWLER})
    assert answer.status_code == 204
    assert not Listen.objects.exists()


def test_nothing_about_the_client_is_stored(http: Http, clip: Clip) -> None:
    http("POST", path(clip), data=report(), headers={"User-Agent": "Mozilla/5.0 Gecko Own/7"})
    (stored,) = Listen.objects.values()
    assert set(stored) == {
        *("clip_id", "session", "began_at", "reported_at", "position", "playing", "duration"),
        *("heard", "heard_length", "credited", "twentieths"),
    }


def test_report_takes_one_statement(client: Browser, db: None) -> None:
    clip = recipes.make_clip()
    body = report()
    for _ in range(2):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            answer = client.post(path(clip), body, content_type="text/plain")
        assert (answer.status_code, len(captured)) == (204, 1)


@pytest.fixture
def limited(settings: Any) -> None:
    settings.CLIPS_THROTTLE = True
    settings.CLIPS_THROTTLE_RATES = {**settings.CLIPS_THROTTLE_RATES, "listens": 30}


def test_reports_have_a_limit_of_their_own(client: Browser, db: None, limited: None) -> None:
    clip = recipes.make_clip()
    stranger: dict[str, Any] = {"REMOTE_ADDR": "203.0.113.70"}
    body = report()
    answers = [
        client.post(path(clip), body, content_type="text/plain", **stranger) for _ in range(62)
    ]
    assert {answer.status_code for answer in answers} == {204, 429}
    assert answers[0]["RateLimit-Policy"] == '"listens";q=30;w=60'
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 2
    assert refused[0].json()["code"] == "throttled"
    assert client.get(f"/api/v1/clips/{clip.pk}", **stranger).status_code == 200


def test_network_can_begin_a_tenth_as_many_listens(
    client: Browser, db: None, limited: None
) -> None:
    clip = recipes.make_clip()
    stranger: dict[str, Any] = {"REMOTE_ADDR": "203.0.113.71"}

    def send(body: str) -> Any:
        return client.post(path(clip), body, content_type="text/plain", **stranger)

    first = report()
    send(first)
    answers = [send(report()) for _ in range(12)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert Listen.objects.count() == 13 - len(refused)
    assert 3 <= Listen.objects.count() <= 6  # of two minutes, if one ended
    assert refused[0].json()["code"] == "too_many_listens"
    assert 1 <= int(refused[0]["Retry-After"]) <= 60
    assert send(first).status_code == 204
    assert not any("203.0.113" in str(row) for row in RequestCount.objects.values())


@pytest.mark.parametrize("origin", [{}, ELSEWHERE])
def test_event_loop_answers_later_reports_as_django_answers_the_first(
    http: Http, clip: Clip, origin: dict[str, str]
) -> None:
    body = report()
    answers = [http("POST", path(clip), data=body, headers=origin) for _ in range(2)]
    first, later = (
        {name.lower(): value for name, value in answer.headers.items()} for answer in answers
    )
    for headers in (first, later):
        assert headers.pop("x-request-id")
        headers.pop("date")
    assert first == later
    assert [answer.status_code for answer in answers] == [204, 204]


QUICK = '{"session":"0b0c6d2e-2f0b-4d5c-9a53-6f9f1ac2a3d7","position":%s,"state":"%s"}'


@pytest.mark.parametrize(
    "body",
    [
        *(QUICK % (position, "playing") for position in ("0", "1.5", "86400", "-0.0", "1e1")),
        *(QUICK % (1, state) for state in ("playing", "paused", "ended", "stopped")),
        *(QUICK % (position, "ended") for position in ("-1", "86401", "true", "null", "[]", '"1"')),
        QUICK.replace("0b0c", "xxxx") % (1, "ended"),
        QUICK.replace('"position"', '"session"') % (1, "ended"),
        QUICK.replace('"position"', '"place"') % (1, "ended"),
        QUICK.replace("}", ',"more":1}') % (1, "ended"),
        *("", "{", "null", "[1]", '["","","","",""]', '"""""""""', "\xff"),
    ],
)
def test_report_is_read_quickly_as_the_serializer_reads_it(body: str) -> None:
    quick = quick_report(body.encode("latin-1"))
    if quick is None:
        return
    serializer = ReportSerializer(data=json.loads(body))
    assert serializer.is_valid()
    assert serializer.validated_data == quick


def test_usual_report_is_read_quickly() -> None:
    for state in ("playing", "paused", "ended"):
        assert quick_report(report(state=state).encode()) is not None
        assert quick_report((QUICK % (2.5, state)).encode()) is not None
