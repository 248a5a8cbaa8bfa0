"""Programs that are started, and ended whatever happens."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534
SECONDS = 40  # for a player to do what it is told
NAMES = {"cvlc": "VLC", "chromium": "Chromium", "firefox": "Firefox"}
PATH = os.environ.get("PATH", os.defpath)


class PlayerError(Exception):
    """A player did not do what it should; the message tells what it did."""


@contextmanager
def running(
    command: Sequence[str], folder: Path, *, as_nobody: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """A program with all it starts, at home in the folder; ended with the block.

    What it says is in `stdout` and `stderr` there.
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
            start_new_session=True,  # its process group is then itself and what it starts
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
    """Run a program to its end and return its standard output.

    Raises PlayerError unless it ends in time, with one of these statuses.
    """
    with running(command, folder, as_nobody=as_nobody) as process:
        try:
            process.wait(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise PlayerError(f"did not end within {SECONDS} s") from None
    if process.returncode not in statuses:
        raise PlayerError(f"exit status {process.returncode}: {last_words(folder)}")
    return (folder / "stdout").read_text(errors="replace")


def last_words(folder: Path) -> str:
    """The end of what the last program in this folder said."""
    return " ".join((folder / "stderr").read_text(errors="replace").split())[-300:]


def installed(*names: str) -> str | None:
    """The path of the first of these programs that there is."""
    return next((path for name in names if (path := shutil.which(name))), None)
