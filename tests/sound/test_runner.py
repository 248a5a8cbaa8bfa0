"""Whatever happens to the decoder's process becomes a result."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from library.sound import runner
from library.sound.failures import Failure
from library.sound.formats import FORMATS
from library.sound.limits import ANALYSIS, Limits
from tests.sound.signals import wav_of
from tests.sound.temporary import temporary

pytestmark = pytest.mark.processes
ROOT = Path(__file__).parents[2]
QUICK = ANALYSIS._replace(wall_seconds=0.5)
PATIENT = ANALYSIS._replace(wall_seconds=30.0)


def outcome(
    monkeypatch: pytest.MonkeyPatch, program: str, limits: Limits = PATIENT
) -> dict[str, object] | Failure:
    """Run another program in place of the decoder."""
    monkeypatch.setattr(runner, "PROGRAM", program)
    with temporary(b"audio") as file:
        return runner.run("analyse", file, "audio/wav", limits=limits)


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("import os; os.kill(os.getpid(), 11)", "decoder_crashed"),
        ("import os; os.kill(os.getpid(), 6)", "decoder_crashed"),
        ("import os; os.kill(os.getpid(), 9)", "decoder_killed"),
        ("import os; os.kill(os.getpid(), 24)", "out_of_time"),  # SIGXCPU
        ("import sys; sys.exit(3)", "decoder_crashed"),
        ("raise RuntimeError", "decoder_crashed"),
        ("", "report_invalid"),
        ("print('garbage')", "report_invalid"),
        ('print(\'{"result": {"loudness": NaN}}\')', "report_invalid"),
        ("print('{\"result\": 1}')", "report_invalid"),
        ('print(\'{"failure": "unheard_of"}\')', "report_invalid"),
        ('print(\'{"failure": ["damaged"]}\')', "report_invalid"),
        ("print('[' * 100_000)", "report_invalid"),
        ("import os\nwhile True: os.write(1, bytes(65536))", "report_invalid"),
        ('print(\'{"failure": "damaged"}\')', "damaged"),
    ],
)
def test_end_of_the_process_becomes_a_reason(
    monkeypatch: pytest.MonkeyPatch, program: str, code: str
) -> None:
    assert outcome(monkeypatch, program) == Failure(code)


@pytest.mark.parametrize(
    "program",
    [
        "import time; time.sleep(600)",
        "import os, time; os.close(1); time.sleep(600)",  # closes its output and stays
        "import os, time\nif os.fork() == 0: time.sleep(600)",  # leaves a child with its output
    ],
)
def test_hanging_process_is_ended(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    assert outcome(monkeypatch, program, QUICK) == Failure("decoder_slow")


def test_fault_of_the_program_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(FORMATS, "audio/unknown", FORMATS["audio/wav"])
    with temporary(b"audio") as file:
        assert runner.run("analyse", file, "audio/unknown", limits=PATIENT) == Failure(
            "decoder_crashed"
        )
    assert "KeyError" in caplog.text


def test_environment_is_empty_of_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SECRET_KEY", "secret")
    program = "import json, os; print(json.dumps({'result': dict(os.environ)}))"
    assert outcome(monkeypatch, program) == runner.ENVIRONMENT


def test_descriptors_of_the_service_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)  # noqa: FBT003
    program = "import json, os; print(json.dumps({'result': {'open': os.listdir('/dev/fd')}}))"
    result = outcome(monkeypatch, program)
    os.close(reading)
    os.close(writing)
    assert isinstance(result, dict)
    assert str(reading) not in result["open"]  # type: ignore[operator]


def test_long_report_is_invalid() -> None:
    with temporary(wav_of(bytes(4_000), 2, 48_000, 1, 16)) as file:
        result = runner.run("analyse", file, "audio/wav", limits=PATIENT._replace(report_bytes=100))
    assert result == Failure("report_invalid")


def test_missing_packages_are_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "PACKAGES", ("no_such_package",))
    assert outcome(monkeypatch, "") == Failure("decoder_unavailable")
    assert Failure("decoder_unavailable").retry


def test_process_that_cannot_start_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    assert outcome(monkeypatch, "") == Failure("decoder_unavailable")


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (ANALYSIS._replace(cpu_seconds=1), "out_of_time"),
        (ANALYSIS._replace(memory_bytes=64 * 1024 * 1024), None),  # too little for Python
    ],
)
def test_limits_hold(limits: Limits, code: str | None) -> None:
    with temporary(wav_of(bytes(60_000_000), 2, 48_000, 1, 16)) as file:
        result = runner.run("analyse", file, "audio/wav", limits=limits)
    assert isinstance(result, Failure)
    assert code is None or result.code == code


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's filter")
def test_confined_process_can_only_compute() -> None:
    attempts = {
        "open a file": "open('/etc/passwd')",
        "create a file": "os.open('/tmp/decoder', os.O_CREAT | os.O_WRONLY)",
        "create a socket": "socket.socket()",
        "start a process": "os.fork()",
        "run a program": "os.execv('/bin/true', ['true'])",
        "signal its parent": "os.kill(os.getppid(), 0)",
        "list a folder": "os.listdir('/')",
        "delete a file": "os.unlink('/tmp/decoder')",
        "raise its limits": "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))",
    }
    lines = [
        "import os, resource, socket",
        "from library.sound.decoder.confinement import confine",
        "confine()",
    ]
    for name, attempt in attempts.items():
        lines += [
            f"try: {attempt}",
            "except (PermissionError, ValueError): pass",
            f"else: print({name!r})",
        ]
    lines += ["print('end')"]
    result = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=ROOT, capture_output=True, text=True
    )
    assert (result.stdout, result.stderr) == ("end\n", "")


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG")
def test_decoder_dies_with_its_parent() -> None:
    program = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
parent = os.getpid()
if os.fork() == 0:
    from library.sound.decoder.confinement import limit
    limit(cpu_seconds=60, memory_bytes=1 << 30, output_bytes=0, descriptors=32, parent=parent)
    os.write(1, str(os.getpid()).encode())
    import time
    time.sleep(600)
os.wait()
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout
    decoder = os.pidfd_open(int(os.read(parent.stdout.fileno(), 20)))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    ended, _, _ = select.select([decoder], [], [], 30)
    os.close(decoder)
    parent.stdout.close()
    assert ended
