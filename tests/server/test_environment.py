"""Settings from the environment: mistakes stop start-up and are named."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import get_resolver

from clips_site.environment import local_secret
from clips_site.setting_validators import OWN_PATHS
from harness.service import ROOT

KEY = "0123456789abcdef" * 3
ELSEWHERE = {"POSTGRES_SERVER": "db.example", "HOST": "0.0.0.0", "DJANGO_SECRET_KEY": KEY}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Read the settings with these variables."""
    for name in os.environ:  # those of the tests
        if name.startswith(("POSTGRES_", "DJANGO_SECRET", "CLIPS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CLIPS_LOCAL_DIR", str(tmp_path / "local"))

    def read(**variables: str) -> dict[str, Any]:
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            return runpy.run_path(str(ROOT / "clips_site/settings.py"))

    return read


INVALID = {
    "CLIPS_ORIGIN_ALLOW": (
        *("http://x/", "x/", "x/y", "a,http://b", "x:0", "x:65536", "x:http", "user@x", "a b"),
        *("10.0.0.0/8", "::1", "*.example.org", "bücher.example", "x.", ".x", "x?y", "x,y:-1"),
    ),
    "CLIPS_ACCEL_LOCATION": (
        *("noslash", "http://x/", "/a/../b", "/..", "//a", "/a b", "/a?b", "/a#b", "/a;", "/"),
        "/a\r\nX: y",
        *("/api", "/admin/", "/static/x", "/docs", "/metrics", "/openapi.json"),
    ),
    "CLIPS_STREAM_CACHE_CONTROL": ("a\nb", "a\r\nX: y", "private\n", "é", " private", "\x7f"),
    "CLIPS_ORIGIN_USER_AGENT": ("a\nb", "a\r\nX: y", "é"),
    "CLIPS_AUDIO_FRESH_MIN": ("-1", "86401", "nan", "1.5", ""),
    "CLIPS_AUDIO_STORE_BYTES": ("0", "-1", "inf", "1e9", "20 MB"),
    "CLIPS_ORIGIN_READ_TIMEOUT": ("0", "-0.1", "nan", "inf", "-inf", "1e300", "ten", "61"),
    "CLIPS_PUBLISH": ("", "all", "Preview"),
    "CLIPS_RENDITIONS": ("preview", "preview-mp3", "preview-wav-high", "preview-mp3-high;x", "all"),
    "CLIPS_RENDITION_LOUDNESS": ("-15", "on", "14", ""),
    "CLIPS_RENDITION_QUEUE": ("-1", "many"),
    "CLIPS_RENDITION_BYTES": ("-1", "1e9"),
    "CLIPS_LOGIN_COOL_OFF": ("0", "-1", "99999999999"),
    "CLIPS_LOGIN_LOG_DAYS": ("0", "99999999999"),
    "CLIPS_TRUSTED_PROXIES": ("-1", "one"),
    "CLIPS_THROTTLE": ("sometimes",),
    "SENTRY_SAMPLE_RATE": ("1.1", "-0.1", "nan"),
    "PORT": ("0", "-1", "65536", "8000\n", "\uff18\uff10\uff18\uff10", "8_000", "\u0668\u0660"),
    "CLIPS_METRICS_PORT": ("8000", "9_464"),
    "CLIPS_STALL_TIMEOUT": ("-1", "NaN", "Infinity", "1_0", "\u0661"),
    "CLIPS_LOCAL_DIR": ("/etc/hostname", "/etc/hostname/x", "/proc/x"),
    "CLIPS_STATIC_ROOT": ("/etc/hostname", "/etc/hostname/x"),
    "CLIPS_ORIGIN_CONNECT_TIMEOUT": ("61",),
    "CLIPS_BODY_GRACE": ("601",),
    "CLIPS_AUDIO_MAX_BYTES": ("2000000001",),
    "OTEL_SDK_DISABLED": ("yes", "1", "on", "truee"),
    "POSTGRES_PASWORD": ("x",),
    "POSTGRES_SEVRER": ("x",),
    "POSTGRES_USERS": ("x",),
    "POSTGRES_PASSWORD_FIEL": ("x",),
    "DJANGO_ALLOWED_HOST": ("x",),
    "DJANGO_SECRETKEY": ("x",),
    "WEB_CONCURENCY": ("2",),
    "HOST": ("http://x", "a b", "", "x\n"),
    "DJANGO_ALLOWED_HOSTS": ("http://x", "x:8000", "x/", "a,b c", "user@x"),
    "DJANGO_CSRF_TRUSTED_ORIGINS": ("x.example", "https://x/", "https://"),
    "POSTGRES_PASSWORD": ("a\nb", "a\tb"),
}


@pytest.mark.parametrize(
    ("variable", "value"), [(name, value) for name in INVALID for value in INVALID[name]]
)
def test_invalid_value_is_named_but_not_shown(read: Any, variable: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^{variable}: ") as refused:
        read(**{variable: value})
    assert len(str(refused.value).splitlines()) == 1


VALID = {
    "CLIPS_ORIGIN_ALLOW": (
        *("", "x", "X.example:8080", " a , b:1,", "127.0.0.1", "[::1]:80", "a_b", "a-b.c:65535"),
    ),
    "CLIPS_ACCEL_LOCATION": ("", "/a", "/a/", "/apis", "/x/api", "/_audio", "/_a-b.c/d~e"),
    "CLIPS_STREAM_CACHE_CONTROL": ("no-store", "public, max-age=60"),
    "CLIPS_AUDIO_FRESH_MIN": ("0", "86400"),
    "CLIPS_ORIGIN_READ_TIMEOUT": ("0.5", "1e1", "60"),
    "CLIPS_ORIGIN_TOTAL_TIMEOUT": ("1", "86400"),
    "CLIPS_BODY_TIMEOUT": ("1",),
    "CLIPS_METRICS_PORT": ("0", "8001"),
    "CLIPS_RENDITIONS": ("", " ", "preview-opus-low, whole-AAC-high,"),
    "CLIPS_RENDITION_LOUDNESS": ("off", "-14", "-18"),
    "OTEL_SDK_DISABLED": ("", "true", "False"),
    "POSTGRES_INITDB_ARGS": ("--data-checksums",),
    "POSTGRES_HOST_AUTH_METHOD": ("trust",),
    "POSTGRES_HOST": ("x",),
    "POSTGRES_USER_FILE": ("x",),
    "POSTGRES_DB_FILE": ("x",),
    "DJANGO_SUPERUSER_PASSWORD": ("x",),
    "DJANGO_SUPERUSER_USERNAME": ("x",),
    "DJANGO_CONFIGURATION": ("x",),
    "DJANGO_ALLOWED_HOSTS": ("*", ".example.org,a", "[::1]"),
    "DJANGO_CSRF_TRUSTED_ORIGINS": ("https://*.example.org,http://a:8000",),
    "HOST": ("0.0.0.0", "::", "clips.example"),
}


@pytest.mark.parametrize(
    ("variable", "value"), [(name, value) for name in VALID for value in VALID[name]]
)
def test_valid_value_is_accepted(read: Any, variable: str, value: str) -> None:
    read(**{variable: value})


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"MIN": "61", "MAX": "60"}, "MIN"),
        ({"MIN": "100000"}, "MIN"),
        ({"MAX": "59"}, "MIN"),
        ({"MIN": "60", "MAX": "600", "DEFAULT": "601"}, "DEFAULT"),
        ({"MIN": "60", "MAX": "600", "DEFAULT": "59"}, "MIN"),
        ({"MIN": "60", "MAX": "600", "DEFAULT": "60"}, None),
        ({"MIN": "60", "MAX": "600"}, None),
        ({"MIN": "7200"}, None),
    ],
)
def test_minimum_must_not_exceed_the_maximum(
    read: Any, variables: dict[str, str], named: str | None
) -> None:
    variables = {f"CLIPS_AUDIO_FRESH_{name}": value for name, value in variables.items()}
    if named is None:
        read(**variables)
        return
    with pytest.raises(ImproperlyConfigured, match=f"CLIPS_AUDIO_FRESH_{named}: Must not exceed"):
        read(**variables)


@pytest.mark.parametrize("renditions", ["", "whole-mp3-high, whole-aac-low"])
def test_publishing_only_previews_needs_a_preview_made_in_advance(
    read: Any, renditions: str
) -> None:
    sentence = "^CLIPS_RENDITIONS: Must contain a preview if CLIPS_PUBLISH is preview.$"
    with pytest.raises(ImproperlyConfigured, match=sentence):
        read(CLIPS_PUBLISH="preview", CLIPS_RENDITIONS=renditions)
    read(CLIPS_RENDITIONS=renditions)
    read(CLIPS_PUBLISH="preview", CLIPS_RENDITIONS=f"{renditions},Preview-opus-low")
    read(CLIPS_PUBLISH="preview")


def test_all_problems_are_reported_at_once(read: Any) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        read(PORT="x", CLIPS_THROTLE="off", CLIPS_ACCEL_LOCATION="a", SENTRY_DSN="hidden")
    named = {line.split(":")[0] for line in str(refused.value).splitlines()}
    assert named == {"PORT", "CLIPS_THROTLE", "CLIPS_ACCEL_LOCATION", "SENTRY_DSN"}
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("CLIPS_THROTLE", " Did you mean CLIPS_THROTTLE?"),
        ("CLIPS_ORIGINS_ALLOW", " Did you mean CLIPS_ORIGIN_ALLOW?"),
        ("CLIPS_XYZ_UNLIKE_ANYTHING_ELSE_HERE", ""),
    ],
)
def test_unknown_variable_is_named_with_the_closest_one(
    read: Any, name: str, suggestion: str
) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        read(**{name: "1"})
    assert str(refused.value) == f"{name}: Unknown setting.{suggestion}"


def test_variables_that_kubernetes_adds_for_a_service_are_ignored(read: Any) -> None:
    read(
        CLIPS_SERVICE_HOST="10.0.0.1",
        CLIPS_SERVICE_PORT="80",
        CLIPS_WEB_SERVICE_PORT_HTTP="80",
        CLIPS_PORT="tcp://10.0.0.1:80",
        CLIPS_PORT_80_TCP="tcp://10.0.0.1:80",
        CLIPS_PORT_80_TCP_PROTO="tcp",
        CLIPS_PORT_80_TCP_ADDR="10.0.0.1",
    )


# Secrets


@pytest.mark.parametrize(
    "key",
    [
        "short",
        "a" * 64,
        "abc" * 30,
        "replace-me",
        "django-insecure-demo-key-from-env-example-replace-me-before-anyone-relies-on-it",
        KEY[:31],
    ],
)
@pytest.mark.parametrize("elsewhere", [{"HOST": "0.0.0.0"}, {"POSTGRES_SERVER": "db.example"}])
def test_weak_key_is_refused_beyond_the_embedded_default(
    read: Any, key: str, elsewhere: dict[str, str]
) -> None:
    read(DJANGO_SECRET_KEY=key)
    read(DJANGO_SECRET_KEY=KEY, **elsewhere)
    with pytest.raises(ImproperlyConfigured, match=r"^DJANGO_SECRET_KEY: Must have at least 32"):
        read(DJANGO_SECRET_KEY=key, **elsewhere)


def test_key_is_generated_once_where_the_operator_asks_for_it(read: Any) -> None:
    first = read(**ELSEWHERE | {"DJANGO_SECRET_KEY": "generate"})
    second = read(**ELSEWHERE | {"DJANGO_SECRET_KEY": "generate"})
    assert first["SECRET_KEY"] == second["SECRET_KEY"] != "generate"
    assert len(first["SECRET_KEY"]) == 64


def test_generated_key_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "key"
    assert local_secret(path) == local_secret(path) == path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == ["key"]


SECRETS = {
    "DJANGO_SECRET_KEY": ("SECRET_KEY", KEY),
    "POSTGRES_PASSWORD": ("POSTGRES_PASSWORD", "päss word"),
    "SENTRY_DSN": ("SENTRY_DSN", "https://key@sentry.example/1"),
    "OTEL_EXPORTER_OTLP_HEADERS": ("TRACES_HEADERS", "authorization=Bearer%20hidden"),
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS": ("TRACES_HEADERS", "api-key=hidden"),
}


@pytest.mark.parametrize("variable", SECRETS)
@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_secret_is_read_from_a_file(read: Any, tmp_path: Path, variable: str, ending: str) -> None:
    setting, value = SECRETS[variable]
    (tmp_path / "secret").write_text(value + ending)
    assert read(**{f"{variable}_FILE": str(tmp_path / "secret"), variable: ""})[setting] == value


@pytest.mark.parametrize("variable", SECRETS)
@pytest.mark.parametrize("content", [None, b"", b"\n", b"two\nlines", b"\xff\xfe", b"a\0b"])
def test_unusable_file_of_a_secret_is_named(
    read: Any, tmp_path: Path, variable: str, content: bytes | None
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImproperlyConfigured, match=f"^{variable}_FILE: The file"):
        read(**{f"{variable}_FILE": str(path)})


def test_value_in_a_file_is_validated(read: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hidden")
    with pytest.raises(ImproperlyConfigured) as refused:
        read(SENTRY_DSN_FILE=str(tmp_path / "secret"))
    assert str(refused.value).startswith("SENTRY_DSN_FILE: Must have the form")
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("variable", SECRETS)
def test_secret_and_its_file_contradict(read: Any, tmp_path: Path, variable: str) -> None:
    (tmp_path / "secret").write_text(SECRETS[variable][1])
    file = {f"{variable}_FILE": str(tmp_path / "secret"), variable: SECRETS[variable][1]}
    with pytest.raises(ImproperlyConfigured, match=f"^{variable}_FILE: Set {variable} or"):
        read(**file)


# How start-up ends


@pytest.mark.processes
@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "check"],
        ["-m", "gunicorn", "--config", "clips_site/server/gunicorn_conf.py"],
        ["-m", "gunicorn", "--config", "clips_site/server/gunicorn_local_conf.py"],
    ],
    ids=["manage.py", "gunicorn", "make run"],
)
def test_start_ends_with_the_message_alone(command: list[str]) -> None:
    environment = os.environ | {"PORT": "x", "CLIPS_THROTTLE": "perhaps"}
    del environment["DJANGO_SETTINGS_MODULE"]  # that of the tests
    ended = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert [line.split(":")[0] for line in ended.stderr.splitlines()] == ["PORT", "CLIPS_THROTTLE"]


def test_own_paths_are_those_of_the_service() -> None:
    first = {str(entry.pattern).split("/")[0] for entry in get_resolver().url_patterns}
    assert first - {""} <= {*OWN_PATHS, "admin"}
