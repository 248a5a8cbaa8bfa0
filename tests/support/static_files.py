"""The static files of the tests: collected when a source has changed, shared by all processes."""

import fcntl
import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def collect() -> None:
    """Collect the static files, as `make run` and the image do, unless they are up to date."""
    folder = Path(settings.STATIC_ROOT)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".fingerprint").open("a+") as kept:
        fcntl.flock(kept, fcntl.LOCK_EX)  # another test process may be collecting
        kept.seek(0)
        fingerprint = _fingerprint()
        if kept.read() == fingerprint and folder.is_dir():
            return
        kept.truncate(0)
        call_command("collectstatic", interactive=False, verbosity=0)
        kept.write(fingerprint)


def _fingerprint() -> str:
    """Return a hash over the paths, sizes and times of all sources."""
    found = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list(None):
            state = Path(storage.path(path)).stat()
            found.update(f"{storage.path(path)} {state.st_size} {state.st_mtime_ns}\n".encode())
    return found.hexdigest()
