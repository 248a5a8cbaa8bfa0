"""Install pinned packages with pip, and show in a few lines how far it is.

Usage: .venv/bin/python requirements/install.py requirements/local.txt

It runs before anything is installed, so it needs only Python's standard library. On a terminal it
rewrites one line; anywhere else it writes a line for each quarter of the work.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path

PIN = re.compile(r"([A-Za-z0-9._-]+)(\[.*?\])?==")
# pip names the line of a package that it begins to download, takes from its cache, or has already.
BEGIN = re.compile(r"(?!Ignoring).*\(line (\d+)\)")
PAUSE = 0.5  # seconds between two looks at the packages that are unpacked
SHOWN = 15  # of pip's last messages, if it fails


class Progress:
    """A line such as `Downloading 12 of 63: aiohttp`."""

    def __init__(self) -> None:
        self._rewrites = sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
        self._shown = ("", 0)

    def show(self, work: str, done: int, total: int, name: str = "") -> None:
        line = f"  {work} {done} of {total}"
        if self._rewrites:
            width = shutil.get_terminal_size().columns - 1
            sys.stdout.write(f"\r\033[K{line}{name and f': {name}'}"[: width + 4])
        elif (now := (work, done * 4 // total)) != self._shown and done:
            self._shown = now
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def end(self) -> None:
        if self._rewrites:
            sys.stdout.write("\r\033[K")


def main(requirements: Path) -> int:
    """Return pip's exit status. If it fails, show its last messages."""
    lines = requirements.read_text().splitlines()
    names = {number: pin[1] for number, line in enumerate(lines, 1) if (pin := PIN.match(line))}
    sys.stdout.write(f"Installing {len(names)} packages into {sys.prefix}\n")
    sys.stdout.flush()
    began, progress, messages = time.monotonic(), Progress(), list[str]()
    begun, unpacked = set[int](), threading.Event()
    watch = threading.Thread(target=_watch, args=(progress, len(names), unpacked))
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "pip", "install", "--require-hashes", "--no-color"),
            *("--progress-bar", "off", "--requirement", str(requirements)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as pip:
        for message in pip.stdout or ():
            messages.append(message)
            if found := BEGIN.match(message):
                begun.add(int(found[1]))
                progress.show("Downloading", len(begun), len(names), names.get(int(found[1]), ""))
            elif message.startswith("Installing collected packages:"):
                watch.start()
    unpacked.set()
    if watch.ident:
        watch.join()
    progress.end()
    if pip.returncode == 0:
        sys.stdout.write(f"Installed in {time.monotonic() - began:.0f} s\n")
    else:
        sys.stderr.write("".join(messages[-SHOWN:]))
        sys.stderr.write("The packages could not be installed; above is what pip reported.\n")
    return pip.returncode


def _watch(progress: Progress, total: int, unpacked: threading.Event) -> None:
    """Count the packages that pip has unpacked, about which it reports nothing."""
    packages = Path(sysconfig.get_path("purelib"))
    while not unpacked.wait(PAUSE):
        progress.show("Unpacking", min(len([*packages.glob("*.dist-info")]), total), total)


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1])))
    except KeyboardInterrupt:
        sys.exit(130)
