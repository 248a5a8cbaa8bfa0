"""The second factor: enrolling it, requiring it, losing it. Without it, no page opens."""

import re
from datetime import timedelta
from http import HTTPStatus
from io import StringIO
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from library.access import second_factor
from tests.support.editors import bearer, code, editor, enrolled
from tests.support.recipes import sample_clip

CODE, ENROL, CLIPS = "/admin/two-factor/code/", "/admin/two-factor/enrol/", "/admin/library/clip/"

pytestmark = pytest.mark.django_db


def in_session(user: User) -> Client:
    """Return a client that has sent the user's password."""
    client = Client()
    form = {"username": user.username, "password": user.username}
    assert client.post("/admin/login/", form).status_code == HTTPStatus.FOUND
    return client


def authenticator(user: User) -> TOTPDevice:
    return TOTPDevice.objects.get(user=user)


def audit_log() -> list[str]:
    """Return the messages of the audit log, oldest first."""
    return list(LogEntry.objects.order_by("id").values_list("change_message", flat=True))


def leads_to(client: Client, path: str) -> str:
    """Return the path of the last redirect."""
    return client.get(path, follow=True).redirect_chain[-1][0]


def test_user_enrols_with_the_first_code_and_keeps_recovery_codes() -> None:
    user = editor()
    client = in_session(user)
    page = client.get(ENROL)
    device = authenticator(user)
    assert "<svg" in page.text
    assert device.config_url.startswith("otpauth://totp/Clips%20Service%3Aeditor?")
    assert not second_factor.authenticator_of(user)
    response = client.post(ENROL, {"code": code(device)})
    codes = re.findall(r"<code>([a-z2-7]{4}(?:-[a-z2-7]{4}){3})</code>", response.text)
    assert len(set(codes)) == 10
    assert "no-store" in response["Cache-Control"]
    assert client.get(CLIPS).status_code == HTTPStatus.OK
    assert audit_log() == ["Turned on two-factor authentication."]
    stored = set(StaticToken.objects.values_list("token", flat=True))
    assert not stored & {re.sub("-", "", code) for code in codes}


def test_wrong_first_code_does_not_enrol() -> None:
    user = editor()
    client = in_session(user)
    secret = client.get(ENROL).context["secret"]
    page = client.post(ENROL, {"code": code(authenticator(user), ahead=40)})
    assert "This code is wrong" in page.text
    assert page.context["secret"] == secret  # the app may already have it
    assert client.get(CLIPS).status_code == HTTPStatus.OK
    TOTPDevice.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert client.get(ENROL).context["secret"] != secret


def test_log_in_requires_a_code_and_then_redirects_to_the_page() -> None:
    user = editor()
    enrolled(user)
    client = in_session(user)
    code_page = leads_to(client, CLIPS)
    assert code_page == f"{CODE}?next={CLIPS}"
    key = client.cookies["sessionid"].value
    shown = client.post(code_page, {"code": code(authenticator(user), ahead=1)})
    assert shown["Location"] == CLIPS
    assert client.cookies["sessionid"].value != key
    assert client.get(CLIPS).status_code == HTTPStatus.OK


def test_code_works_once() -> None:
    user = editor()
    enrolled(user)
    used = code(authenticator(user), ahead=1)
    in_session(user).post(CODE, {"code": used})
    assert "already been used" in in_session(user).post(CODE, {"code": used}).text


def test_code_page_does_not_redirect_to_another_site() -> None:
    user = editor()
    enrolled(user)
    form = {"code": code(authenticator(user), ahead=1)}
    shown = in_session(user).post(f"{CODE}?next=https://evil.example/", form)
    assert shown["Location"] == "/admin/"


@pytest.mark.parametrize(
    "path", ["/admin/", CLIPS, "/admin/password_change/", "/admin/two-factor/off/", ENROL]
)
def test_no_page_opens_before_the_code(path: str) -> None:
    user = editor()
    enrolled(user)
    assert leads_to(in_session(user), path).startswith(CODE)


def test_session_without_the_second_factor_cannot_write_through_the_api() -> None:
    clip = sample_clip.make()
    path, body = f"/api/v1/clips/{clip.pk}", {"content_type": "application/json"}
    user = editor()
    enrolled(user)
    client = in_session(user)
    refused = client.patch(path, {"title": "B"}, **body)  # type: ignore[arg-type]
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_missing")
    client.post(CODE, {"code": code(authenticator(user), ahead=1)})
    assert client.patch(path, {"title": "B"}, **body).status_code == HTTPStatus.OK  # type: ignore[arg-type]
    machine: Any = {**body, "headers": bearer(user)}
    assert Client().patch(path, {"title": "C"}, **machine).status_code == HTTPStatus.OK


def test_recovery_code_works_once() -> None:
    user = editor()
    first, *_ = enrolled(user)
    client = in_session(user)
    typed = first.upper().replace("-", " ")
    assert client.post(CODE, {"code": typed}).status_code == HTTPStatus.FOUND
    assert client.get(CLIPS).status_code == HTTPStatus.OK
    assert second_factor.recovery_codes_left(user) == 9
    assert in_session(user).post(CODE, {"code": first}).status_code == HTTPStatus.OK


def test_wrong_codes_enforce_a_wait_and_are_logged() -> None:
    user = editor()
    enrolled(user)
    client = in_session(user)
    for _ in range(2):
        TOTPDevice.objects.update(throttling_failure_timestamp=None)  # skip the wait
        client.post(CODE, {"code": code(authenticator(user), ahead=40)})
    refused = client.post(CODE, {"code": code(authenticator(user), ahead=1)})  # the right one
    assert "Too many wrong codes. Try again in 2 seconds" in refused.text
    assert audit_log() == ["Entered a wrong second-factor code."] * 2


def test_setting_required_makes_every_user_enrol_first(settings: Any) -> None:
    settings.CLIPS_TWO_FACTOR = "required"
    user = editor()
    client = in_session(user)
    assert leads_to(client, CLIPS) == f"{ENROL}?next={CLIPS}"
    assert client.post("/api/v1/clips", {}, content_type="application/json").status_code == 403
    response = client.post(f"{ENROL}?next={CLIPS}", {"code": code(second_factor.offer(user))})
    assert f'href="{CLIPS}"' in response.text
    assert client.get(CLIPS).status_code == HTTPStatus.OK
    client.post("/admin/two-factor/off/")
    assert client.get(CLIPS).status_code == HTTPStatus.OK
    assert authenticator(user).confirmed


def test_setting_off_turns_it_off_for_every_user(settings: Any) -> None:
    user = editor()
    enrolled(user)
    settings.CLIPS_TWO_FACTOR = "off"
    client = in_session(user)
    page = client.get(CLIPS)
    assert page.status_code == HTTPStatus.OK
    assert "two-factor" not in page.text
    assert client.get(ENROL).status_code == HTTPStatus.NOT_FOUND


def test_enrolling_in_one_browser_requires_a_code_in_the_others() -> None:
    user = editor()
    here, there = in_session(user), in_session(user)
    here.post(ENROL, {"code": code(second_factor.offer(user))})
    assert here.get(CLIPS).status_code == HTTPStatus.OK
    assert leads_to(there, CLIPS).startswith(CODE)


def test_enrolling_in_an_old_session_requires_the_password() -> None:
    user = editor()
    client = in_session(user)
    session = client.session
    session["began"] -= 3600
    session.save()
    form = {"code": code(second_factor.offer(user))}
    assert "This field is required" in client.post(ENROL, form).text
    assert "The password is wrong" in client.post(ENROL, {**form, "password": "x"}).text
    assert not second_factor.authenticator_of(User.objects.get())
    assert AccessAttempt.objects.get().failures_since_start == 1  # it counts as a failed log-in
    client.post(ENROL, {**form, "password": "editor"})
    assert authenticator(user).confirmed


def test_new_recovery_codes_replace_the_old_and_turning_off_deletes_all() -> None:
    user = editor()
    client = in_session(user)
    response = client.post(ENROL, {"code": code(second_factor.offer(user))})
    old = set(response.context["codes"])
    new = set(client.post("/admin/two-factor/recovery-codes/").context["codes"])
    assert len(new - old) == 10
    assert second_factor.recovery_codes_left(user) == 10
    assert client.get("/admin/two-factor/").text.count("10 recovery codes left") == 1
    client.post("/admin/two-factor/off/")
    assert not TOTPDevice.objects.exists()
    assert not StaticToken.objects.exists()
    assert audit_log()[1:] == [
        "Created new recovery codes.",
        "Turned off two-factor authentication.",
    ]


def test_administrator_resets_a_lost_second_factor(admin_client: Client) -> None:
    user = editor()
    enrolled(user)
    form = {"action": "reset_second_factor", "_selected_action": [user.pk]}
    admin_client.post("/admin/auth/user/", form)
    assert in_session(user).get(CLIPS).status_code == HTTPStatus.OK
    assert audit_log() == ["Reset the second factor."]


def test_command_resets_a_lost_second_factor() -> None:
    user = editor()
    enrolled(user)
    output = StringIO()
    call_command("reset_second_factor", "editor", stdout=output)
    assert output.getvalue() == "editor has no second factor any more.\n"
    assert in_session(user).get(CLIPS).status_code == HTTPStatus.OK
    with pytest.raises(CommandError, match="user nobody does not exist"):
        call_command("reset_second_factor", "nobody")


def test_user_can_log_out_on_the_code_page() -> None:
    user = editor()
    enrolled(user)
    client = in_session(user)
    assert client.post("/admin/two-factor/leave/")["Location"] == "/admin/login/"
    assert not Session.objects.exists()


def test_no_admin_page_shows_the_secrets_of_users(admin_client: Client) -> None:
    for page in ("otp_totp/totpdevice", "otp_static/staticdevice"):
        assert admin_client.get(f"/admin/{page}/").status_code == HTTPStatus.NOT_FOUND
