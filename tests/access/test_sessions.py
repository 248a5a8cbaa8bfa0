"""Sessions, cookies and the security headers of the back office."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http import HTTPStatus

import pytest
import requests
from axes.models import AccessFailureLog
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from clips_site import security
from harness.service import Server
from library.access.sessions import SessionStore
from tests.support.commands import manage
from tests.support.editors import editor

CLIPS = "/admin/library/clip/"


def seconds_left() -> float:
    return (Session.objects.get().expire_date - timezone.now()).total_seconds()


def let_pass(seconds: int) -> None:
    """Make the session older, as if it had been unused for these seconds."""
    session = Session.objects.get()
    session.expire_date -= timedelta(seconds=seconds)
    session.save()


@pytest.fixture
def editors_client(client: Client, db: None) -> Client:
    client.force_login(editor())
    return client


def test_use_extends_a_session_and_disuse_ends_it(editors_client: Client) -> None:
    idle = security.CLIPS_SESSION_IDLE
    let_pass(idle - 60)
    assert editors_client.get(CLIPS).status_code == HTTPStatus.OK
    assert seconds_left() == pytest.approx(idle, abs=30)
    let_pass(idle)
    assert editors_client.get(CLIPS).status_code == HTTPStatus.FOUND


def test_use_is_written_only_now_and_then(editors_client: Client) -> None:
    let_pass(30)
    left = seconds_left()
    editors_client.get(CLIPS)
    assert seconds_left() < left


def test_session_ends_after_its_maximum_age_even_if_it_is_used(editors_client: Client) -> None:
    age = security.SESSION_COOKIE_AGE
    session = editors_client.session
    session["began"] = int(time.time()) - age + 300
    session.save()
    assert 0 < seconds_left() <= 300
    editors_client.get(CLIPS)
    assert 0 < seconds_left() <= 300
    store = SessionStore()
    store["began"] = int(time.time()) - age - 1
    assert store.get_session_cookie_age() == 0


def test_new_password_ends_the_other_sessions(db: None) -> None:
    user = editor()
    here, there = Client(), Client()
    here.force_login(user)
    there.force_login(user)
    password = "a long new password"
    form = {"old_password": "editor", "new_password1": password, "new_password2": password}
    here.post("/admin/password_change/", form)
    assert here.get(CLIPS).status_code == HTTPStatus.OK
    assert there.get(CLIPS).status_code == HTTPStatus.FOUND


@pytest.mark.parametrize("path", [CLIPS, "/admin/login/", "/admin/password_change/", "/admin/no/"])
def test_pages_of_the_back_office_are_not_cached_and_load_no_foreign_content(
    editors_client: Client, path: str
) -> None:
    response = editors_client.get(path)
    assert "no-store" in response["Cache-Control"]
    policy = response["Content-Security-Policy"]
    assert "default-src 'self'; script-src 'self' 'unsafe-eval';" in policy
    assert "frame-ancestors 'none'" in policy
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"


def test_concurrent_guesses_are_limited_like_consecutive_ones(server: Server) -> None:
    page = requests.get(f"{server.url}/admin/login/", timeout=20)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token
    form = {"username": "nobody", "csrfmiddlewaretoken": token[1]}

    def guess(number: int) -> int:
        return requests.post(
            page.url, {**form, "password": f"guess {number}"}, cookies=page.cookies, timeout=60
        ).status_code

    with ThreadPoolExecutor(24) as pool:
        statuses = list(pool.map(guess, range(24)))
    assert 1 <= AccessFailureLog.objects.count() <= 5
    assert statuses.count(429) >= 24 - 5 + 1  # the last failure that is counted locks


def test_with_https_cookies_are_secure_and_http_is_redirected(
    start_server: Callable[..., Server],
) -> None:
    server = start_server(CLIPS_HTTPS="1", CLIPS_TRUSTED_PROXIES="1")
    user = editor()
    plain = requests.get(f"{server.url}/docs", allow_redirects=False, timeout=20)
    assert plain.status_code == HTTPStatus.MOVED_PERMANENTLY
    assert plain.headers["Location"] == f"{server.url}/docs".replace("http:", "https:")
    probes = [requests.get(server.url + path, timeout=20) for path in ("/livez", "/metrics")]
    assert [probe.status_code for probe in probes] == [HTTPStatus.OK] * 2
    proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
    page = requests.get(f"{server.url}/admin/login/", headers=proxied, timeout=20)
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token
    form = {"username": "editor", "password": user.username, "csrfmiddlewaretoken": token[1]}
    secret = page.headers["Set-Cookie"].partition(";")[0]
    own = {**proxied, "Cookie": secret, "Referer": page.url.replace("http:", "https:")}
    logged_in = requests.post(page.url, form, headers=own, allow_redirects=False, timeout=20)
    assert logged_in.status_code == HTTPStatus.FOUND
    session = re.search(r"__Host-sessionid=\w+;[^,]*", logged_in.headers["Set-Cookie"])
    assert session
    assert {part.strip() for part in session[0].split(";")[1:]} == {
        *("HttpOnly", "Path=/", "SameSite=Lax", "Secure")  # no Max-Age: it ends with the browser
    }


@pytest.mark.processes
def test_deployment_check_passes_with_https_and_authenticated_writes() -> None:
    deployed = {"CLIPS_HTTPS": "1", "CLIPS_API_WRITES": "authenticated"}
    output, _ = manage("check", "--deploy", "--fail-level", "WARNING", **deployed).communicate()
    assert "no issues" in output
