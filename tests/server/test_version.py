"""The version is defined once, in `clips_site/__init__.py`; packages with internals are pinned."""

import re
import tomllib
from pathlib import Path

import yaml
from django.conf import settings
from drf_spectacular.settings import spectacular_settings

from clips_site import __version__
from harness.service import ROOT


def text(path: str) -> str:
    return Path(ROOT, path).read_text()


def test_version_follows_semantic_versioning() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_settings_and_the_openapi_description_use_it() -> None:
    assert settings.VERSION == spectacular_settings.VERSION == __version__
    assert f"clips-service@{__version__}" == settings.SENTRY_RELEASE
    assert __version__.startswith(settings.CLIPS_ORIGIN_USER_AGENT.removeprefix("ClipsService/"))


def test_project_file_refers_to_it() -> None:
    project = tomllib.loads(text("pyproject.toml"))
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "clips_site.__version__"}


def test_kubernetes_runs_it() -> None:
    (image,) = yaml.safe_load(text("deploy/kubernetes/kustomization.yaml"))["images"]
    assert image["newTag"] == __version__


def test_changelog_describes_it() -> None:
    (newest, *_) = re.findall(r"^## \[?(\d+\.\d+\.\d+)", text("CHANGELOG.md"), re.MULTILINE)
    assert newest == __version__


def test_packages_with_overridden_internals_are_pinned_to_the_version_that_was_read() -> None:
    pins = dict(
        re.findall(r"^(gunicorn|prometheus-client)==(\S+)", text("requirements/base.in"), re.M)
    )
    readme = " ".join(text("clips_site/server/README.md").split())
    assert len(pins) == 2
    assert [package for package, pin in pins.items() if f"{package} {pin}" not in readme] == []


def test_readme_of_the_server_names_files_that_exist() -> None:
    readme = text("clips_site/server/README.md")
    paths = re.findall(r"`((?:tests|library|clips_site|requirements)/[\w/.]+)`", readme)
    assert paths
    assert [path for path in paths if not Path(ROOT, path).exists()] == []
