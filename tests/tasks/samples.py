"""Tasks of the tests, which leave their traces in files."""

import os
import time
from pathlib import Path

from procrastinate.contrib.django import app

from library.tasks.retries import BackOff

QUEUE = "tests"


@app.task(name="note", queue=QUEUE, retry=BackOff(), queueing_lock="note")
def note(folder: str) -> None:
    """Note the process. Then wait until the file `go` exists; the name is that of an event."""
    with (Path(folder) / "began").open("a") as file:
        file.write(f"{os.getpid()}\n")
    while not (Path(folder) / "go").exists():
        time.sleep(0.01)
    with (Path(folder) / "ended").open("a") as file:
        file.write(f"{os.getpid()}\n")


@app.task(name="fail", queue=QUEUE, retry=BackOff(), queueing_lock="fail")
def fail() -> None:
    raise ValueError("The file\nis broken")
