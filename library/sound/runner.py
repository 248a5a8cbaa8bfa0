"""Runs the decoder: one process for one file, with limits. Every outcome is a result."""

import contextlib
import importlib.util
import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, cast

from library.sound.failures import REASONS, Failure
from library.sound.formats import FORMATS
from library.sound.limits import Limits

logger = logging.getLogger(__name__)

MOST_TRACE: Final = 4000  # characters of an untrusted report that are logged
ROOT: Final = str(Path(__file__).resolve().parents[2])
PROGRAM: Final = (
    "import json, sys; sys.path += json.loads(sys.argv[1]); "
    "from library.sound.decoder.program import main; main(json.loads(sys.argv[2]))"
)
PACKAGES: Final = ("av", "numpy")
# Nothing of the service's environment, which holds secrets. The libraries start no threads.
ENVIRONMENT: Final = {"OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
SIGNALS: Final = {
    signal.SIGXCPU: "out_of_time",
    signal.SIGKILL: "decoder_killed",
    signal.SIGTERM: "decoder_killed",
    signal.SIGINT: "decoder_killed",
}


def run(
    task: str,
    audio: BinaryIO,
    content_type: str,
    *,
    limits: Limits,
    output: BinaryIO | None = None,
    **parameters: Any,
) -> dict[str, Any] | Failure:
    """Do a task of `decoder.program` on an open file and return its report, which is untrusted.

    `audio` needs a descriptor. `content_type` is the media type that `sniff` detects in it.
    Other parameters are passed on; `output` is the file that the decoder writes.
    """
    if content_type not in FORMATS:
        return Failure("unsupported_type")
    job = {"task": task, "content_type": content_type, "parent": os.getpid(), **parameters}
    job["limits"] = {
        name: getattr(limits, name)
        for name in ("cpu_seconds", "memory_bytes", "output_bytes", "descriptors")
    }
    descriptors = []
    if output:
        output.flush()
        descriptors.append(output.fileno())
        job["output"] = output.fileno()
    try:
        arguments = [json.dumps(_path()), json.dumps(job)]
        audio.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", PROGRAM, *arguments],
            stdin=audio.fileno(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=descriptors,
            cwd="/",
            env=ENVIRONMENT,
            process_group=0,
        )
    except (OSError, ImportError):
        return Failure("decoder_unavailable")
    return _result(process, limits)


def _path() -> list[str]:
    """Return the folders that the decoder imports from. It runs without `site` and its .pth files.

    Raises ImportError if a package is not installed.
    """
    folders = [ROOT]
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ImportError(name)
        folders.append(str(Path(spec.origin).parents[1]))
    return list(dict.fromkeys(folders))


def _result(process: "subprocess.Popen[bytes]", limits: Limits) -> dict[str, Any] | Failure:
    """Wait for the decoder's end and read its report. The process and its group end here."""
    deadline = time.monotonic() + limits.wall_seconds
    try:
        report = _read(process, limits.report_bytes, deadline)
        if report is None:
            return Failure("decoder_slow")
        if len(report) > limits.report_bytes:
            return Failure("report_invalid")
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return Failure("decoder_slow")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        cast(IO[bytes], process.stdout).close()
    if process.returncode < 0:
        return Failure(SIGNALS.get(signal.Signals(-process.returncode), "decoder_crashed"))
    if process.returncode:
        return Failure("decoder_crashed")
    return _parsed(report)


def _read(process: "subprocess.Popen[bytes]", most: int, deadline: float) -> bytes | None:
    """Return the output, at least as far as `most` bytes, or None after the deadline."""
    descriptor = cast(IO[bytes], process.stdout).fileno()
    report = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while len(report) <= most:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return None
            chunk = os.read(descriptor, 65_536)
            if not chunk:
                break
            report += chunk
    return report


def _parsed(report: bytes) -> dict[str, Any] | Failure:
    try:
        parsed = json.loads(report, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return Failure("report_invalid")
    match parsed:
        case {"result": dict(result)}:
            return result
        case {"failure": str(code), **rest} if code in REASONS:
            if "trace" in rest:
                logger.error("The decoder failed: %r", str(rest["trace"])[:MOST_TRACE])
            return Failure(code)
    return Failure("report_invalid")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number")
