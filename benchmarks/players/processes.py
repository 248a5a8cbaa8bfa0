"""Running players, which are killed with everything they start when they are no longer needed."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534
TIMEOUT = 40  # seconds that a player may take
NAMES = {"cvlc": "VLC", "chromium": "Chromium", "firefox": "Firefox"}
PATH = os.environ.get("PATH", os.defpath)


class PlayerError(Exception):
    """A player failed; the message describes how."""


@contextmanager
def running(
    command: Sequence[str], folder: Path, *, as_nobody: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends, with the folder as its home directory.

    Its output goes to `stdout` and `stderr` in the folder.
    """
    folder.chmod(0o777)
    user = NOBODY if as_nobody and os.geteuid() == 0 else None
    with (
        (folder / "stdout").open("wb") as stdout,
        (folder / "stderr").open("wb") as stderr,
        subprocess.Popen(
            command,
            cwd=folder,
            env={"PATH": PATH, "HOME": str(folder), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            start_new_session=True,  # its process group contains only what it starts
        ) as process,
    ):
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def run(
    command: Sequence[str],
    folder: Path,
    *,
    statuses: Sequence[int] = (0,),
    as_nobody: bool = False,
) -> str:
    """Run a program to its end; return its standard output.

    Raise PlayerError unless it ends in time with one of the statuses.
    """
    with running(command, folder, as_nobody=as_nobody) as process:
        try:
            process.wait(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            raise PlayerError(f"did not end within {TIMEOUT} s") from None
    if process.returncode not in statuses:
        raise PlayerError(f"exit status {process.returncode}: {error_output(folder)}")
    return (folder / "stdout").read_text(errors="replace")


def error_output(folder: Path) -> str:
    """Return the end of the standard error of the last program in the folder."""
    return " ".join((folder / "stderr").read_text(errors="replace").split())[-300:]


def installed(*names: str) -> str | None:
    """Return the path of the first of these programs that is installed."""
    return next((path for name in names if (path := shutil.which(name))), None)
