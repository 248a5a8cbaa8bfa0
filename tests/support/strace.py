"""The system calls of running processes, written down by strace."""

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

needs_strace = pytest.mark.skipif(
    not shutil.which("strace"), reason="needs strace: make system-tools"
)


@contextmanager
def traced(pids: Sequence[int], calls: str, directory: Path) -> Iterator[Callable[[], str]]:
    """Trace processes; yield a function that returns the calls so far.

    A call may still be missing when its effect is seen: wait for it with `until`. A call may be
    repeated for the rest, and its line be divided, so look for its last result.
    """
    output = directory / "calls"
    command = ["strace", "-f", "-e", f"trace={calls}", "-o", str(output)]
    command += [f"--attach={pid}" for pid in pids]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        for _ in pids:
            line = strace.stderr.readline()
            assert "attached" in line, line
        try:
            yield output.read_text
        finally:
            strace.send_signal(signal.SIGINT)
