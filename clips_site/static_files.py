"""Runs `collectstatic` only if static files have changed: it compresses all of them each time."""

import fcntl
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.apps import StaticFilesConfig
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def collect_if_changed() -> None:
    """Run `collectstatic`, unless STATIC_ROOT already contains what it would produce."""
    root = Path(settings.STATIC_ROOT)
    stamp = root / "sources.sha256"
    root.parent.mkdir(parents=True, exist_ok=True)
    with root.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process may be collecting them
        sources = _fingerprint()
        if stamp.exists() and stamp.read_text() == sources:
            return
        stamp.unlink(missing_ok=True)  # an interrupted run must not look complete
        call_command("collectstatic", interactive=False, verbosity=0)
        stamp.write_text(sources)


def _fingerprint() -> str:
    """Return a hash of all source files and of the packages that process them."""
    digest = sha256(f"{version('django')} {version('whitenoise')} {settings.STORAGES}".encode())
    ignored = StaticFilesConfig.ignore_patterns
    for finder in get_finders():
        for name, storage in finder.list(ignored):
            content = Path(storage.path(name)).read_bytes()
            digest.update(f"{name}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()
