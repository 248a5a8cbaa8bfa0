"""Groups, users and tokens: their permissions, and the changes to them."""

import json
import re
from http import HTTPStatus
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from library import history
from library.access.groups import create_groups, remove_groups
from library.models import ApiToken
from tests.support.editors import bearer, editor, member

USERS, TOKENS = "/admin/auth/user/", "/admin/library/apitoken/"

pytestmark = pytest.mark.django_db


def logged() -> list[tuple[str, Any]]:
    """The entries of the audit log: the object, and the values or the message."""
    return [
        (entry.object_repr, history.changed_values(entry) or entry.change_message)
        for entry in LogEntry.objects.order_by("id")
    ]


def test_groups_have_their_permissions() -> None:
    editors, analysts = member("Editors"), member("Analysts")
    clips = {f"library.{verb}_clip" for verb in ("add", "change", "delete", "import")}
    shared = {"library.view_clip", "library.export_clip", "library.view_playevent"}
    tokens = {"library.add_apitoken", "library.view_apitoken"}
    webhooks = {f"library.{verb}_webhook" for verb in ("add", "change", "delete", "view")}
    reports = {"library.change_report", "library.view_report"}
    assert editors.get_all_permissions() == clips | shared | tokens | webhooks | reports
    assert analysts.get_all_permissions() == shared


def test_migration_creates_the_same_permissions_as_django_once() -> None:
    before = set(Permission.objects.values_list("content_type", "codename", "name"))
    Group.objects.all().delete()
    Permission.objects.filter(content_type__app_label="library").delete()
    create_groups(apps)
    call_command("migrate", verbosity=0, interactive=False)  # makes the others
    assert set(Permission.objects.values_list("content_type", "codename", "name")) == before


def test_migration_keeps_the_groups_of_an_operator() -> None:
    create_groups(apps)
    Group.objects.get(name="Editors").permissions.clear()
    create_groups(apps)
    assert not Group.objects.get(name="Editors").permissions.exists()
    member("Analysts")
    remove_groups(apps)
    assert [group.name for group in Group.objects.all()] == ["Analysts"]


def test_analysts_view_and_editors_edit() -> None:
    for group, status in (("Analysts", HTTPStatus.FORBIDDEN), ("Editors", HTTPStatus.OK)):
        client = Client()
        client.force_login(member(group))
        assert client.get("/admin/library/clip/").status_code == HTTPStatus.OK
        assert client.get("/admin/library/clip/add/").status_code == status
        assert client.get(USERS).status_code == HTTPStatus.FORBIDDEN
        assert client.get("/admin/admin/logentry/").status_code == HTTPStatus.FORBIDDEN


def test_change_of_a_user_is_logged_with_its_values(admin_client: Client) -> None:
    user = member("Analysts")
    editors = Group.objects.get(name="Editors").pk
    form = {"username": "analysts", "is_active": "on", "is_staff": "on", "groups": [editors]}
    token_inline = {"api_tokens-TOTAL_FORMS": 0, "api_tokens-INITIAL_FORMS": 0}
    answer = admin_client.post(f"{USERS}{user.pk}/change/", {**form, **token_inline})
    assert answer.status_code == HTTPStatus.FOUND
    assert logged() == [("analysts", [("groups", "Analysts", "Editors")])]


def test_change_of_a_password_is_logged_without_the_password(admin_client: Client) -> None:
    user = editor()
    form = {"password1": "a new long word", "password2": "a new long word"}
    form["usable_password"] = "true"
    admin_client.post(f"{USERS}{user.pk}/password/", form)
    owner = Client()
    owner.force_login(user)
    words = {"old_password": "a new long word", "new_password1": "another long word"}
    words["new_password2"] = words["new_password1"]
    user.refresh_from_db()
    owner.force_login(user)
    owner.post("/admin/password_change/", words)
    user.refresh_from_db()
    assert user.check_password("another long word")
    assert "long word" not in json.dumps(list(LogEntry.objects.values("change_message")))
    assert LogEntry.objects.count() == 2


def test_password_must_be_long(admin_client: Client) -> None:
    form = {"password1": "eleven char", "password2": "eleven char", "usable_password": "true"}
    page = admin_client.post(f"{USERS}{editor().pk}/password/", form)
    assert "at least 12 characters" in page.text


def test_deactivation_ends_access_at_once_and_activation_restores_it(admin_client: Client) -> None:
    user = editor()
    client, headers = Client(), bearer(user)
    client.force_login(user)
    for action, status in (("deactivate", HTTPStatus.FOUND), ("activate", HTTPStatus.OK)):
        admin_client.post(USERS, {"action": action, "_selected_action": [user.pk]})
        assert client.get("/admin/library/clip/").status_code == status
        assert ApiToken.objects.in_force().exists() == (status == HTTPStatus.OK)
    assert [values for _, values in logged()] == [
        [("active", "True", "False")],
        [("active", "False", "True")],
    ]
    assert headers


def test_user_with_log_entries_cannot_be_deleted(admin_client: Client) -> None:
    doer, newcomer = editor("doer"), editor("newcomer")
    history.note(doer, newcomer, "Did something.")
    page = admin_client.post(f"{USERS}{doer.pk}/delete/", {"post": "yes"})
    assert "Deactivate this user instead" in page.text
    form = {"action": "delete_selected", "_selected_action": [doer.pk, newcomer.pk], "post": "yes"}
    assert "Deactivate this user instead" in admin_client.post(USERS, form).text
    assert User.objects.filter(pk__in=[doer.pk, newcomer.pk]).count() == 2
    admin_client.post(f"{USERS}{newcomer.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(pk=newcomer.pk).exists()


def test_user_who_edits_users_cannot_become_a_superuser(admin_user: User) -> None:
    manager = editor("manager", "view_user", "change_user", "delete_user")
    client = Client()
    client.force_login(manager)
    form = {"username": "manager", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    everything = list(Permission.objects.values_list("pk", flat=True))
    client.post(f"{USERS}{manager.pk}/change/", {**form, "user_permissions": everything})
    manager.refresh_from_db()
    assert not manager.is_superuser
    assert manager.user_permissions.count() == 3
    assert client.post(f"{USERS}{admin_user.pk}/password/", {}).status_code == HTTPStatus.FORBIDDEN
    for action in ("deactivate", "reset_second_factor", "delete_selected"):
        client.post(USERS, {"action": action, "_selected_action": [admin_user.pk], "post": "yes"})
    admin_user.refresh_from_db()
    assert admin_user.is_active


def test_users_cannot_deactivate_themselves(admin_client: Client, admin_user: User) -> None:
    form = {"action": "deactivate", "_selected_action": [admin_user.pk]}
    assert "cannot do this to yourself" in admin_client.post(USERS, form, follow=True).text
    admin_user.refresh_from_db()
    assert admin_user.is_active


def test_list_of_users_takes_a_constant_number_of_queries(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    group = member("Editors").groups.get()
    for number in range(20):
        editor(f"user {number}").groups.add(group)
    with django_assert_max_num_queries(8):
        admin_client.get(USERS)


def test_token_is_issued_shown_once_and_revoked() -> None:
    user = member("Editors")
    client = Client()
    client.force_login(user)
    answer = client.post(f"{TOKENS}add/", {"name": "importer"})
    (secret,) = set(re.findall(r"clips_[\w-]{43}", answer.text))
    assert "no-store" in answer["Cache-Control"]
    token = ApiToken.objects.in_force().of_secret(secret).get()
    assert (token.user, token.name) == (user, "importer")
    assert secret not in client.get(TOKENS).text
    again = client.post(f"{TOKENS}add/", {"name": "importer"})
    assert "A token with this name already exists" in again.text
    confirmation = client.get(f"{TOKENS}{token.pk}/revoke/")
    assert "can't be undone" in confirmation.text
    assert ApiToken.objects.in_force().exists()
    client.post(f"{TOKENS}{token.pk}/revoke/")
    assert not ApiToken.objects.in_force().exists()
    assert client.post(f"{TOKENS}{token.pk}/revoke/").status_code == HTTPStatus.NOT_FOUND
    assert [message for _, message in logged()] == ['[{"added": {}}]', "Revoked."]
    assert {thing for thing, _ in logged()} == {"importer of editors"}


def test_only_superusers_see_tokens_of_other_users(admin_client: Client) -> None:
    other = editor("other")
    bearer(other, "not yours")
    token = ApiToken.objects.get()
    client = Client()
    client.force_login(member("Editors"))
    assert "not yours" not in client.get(TOKENS).text
    client.post(f"{TOKENS}{token.pk}/revoke/")
    client.post(f"{TOKENS}add/", {"name": "mine", "user": other.pk})
    assert ApiToken.objects.in_force().filter(user=other).count() == 1
    assert "not yours" in admin_client.get(TOKENS).text
    assert "not yours" in admin_client.get(f"{USERS}{other.pk}/change/").text
    admin_client.post(f"{TOKENS}add/", {"name": "for a machine", "user": other.pk})
    admin_client.post(f"{TOKENS}{token.pk}/revoke/")
    in_force = ApiToken.objects.in_force().filter(user=other)
    assert [token.name for token in in_force] == ["for a machine"]


def test_tokens_cannot_be_edited_or_deleted(admin_client: Client) -> None:
    bearer(editor())
    page = f"{TOKENS}{ApiToken.objects.get().pk}"
    assert admin_client.post(f"{page}/change/", {"name": "x"}).status_code == HTTPStatus.FORBIDDEN
    assert admin_client.post(f"{page}/delete/", {"post": "yes"}).status_code == HTTPStatus.FORBIDDEN


def test_list_of_tokens_takes_a_constant_number_of_queries(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        bearer(editor(f"user {number}"))
    with django_assert_max_num_queries(6):
        admin_client.get(TOKENS)


def test_deleting_a_group_shows_how_many_users_lose_its_permissions(admin_client: Client) -> None:
    group = member("Editors").groups.get()
    page = admin_client.get(f"/admin/auth/group/{group.pk}/delete/").text
    assert "Editors. Users who lose its permissions: 1." in page
    assert "relationship" not in page
