"""Who has the port: this service, another one, or another program."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from clips_site.server.running import Claim, PortTakenError, address
from harness.service import free_port

LISTEN = "import socket; s = socket.create_server(('127.0.0.1', {})); print(flush=True); input()"
pytestmark = pytest.mark.processes


@pytest.fixture
def listener() -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Another program that listens on a port: the port and its process."""
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-c", LISTEN.format(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield port, process
        process.terminate()


def test_second_start_names_address_and_process_of_the_first(tmp_path: Path) -> None:
    port = free_port()
    Claim(tmp_path, "127.0.0.1", port)
    with pytest.raises(PortTakenError) as refused:
        Claim(tmp_path, "127.0.0.1", port)
    assert str(refused.value).splitlines() == [
        f"Clips Service is already running at http://localhost:{port}/ (process {os.getpid()}).",
        f"To stop it, press Ctrl-C in its terminal, or run: kill {os.getpid()}",
    ]


def test_service_that_is_still_starting_is_recognized(tmp_path: Path) -> None:
    port = free_port()
    Claim(tmp_path, "127.0.0.1", port)
    (tmp_path / f"running-{port}").write_text("")
    with pytest.raises(PortTakenError, match="being started by another"):
        Claim(tmp_path, "127.0.0.1", port)


def test_file_left_by_a_killed_service_is_no_obstacle(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / f"running-{port}").write_text(f"1 http://localhost:{port}\n")
    claim = Claim(tmp_path, "127.0.0.1", port)
    claim.release()
    assert list(tmp_path.iterdir()) == []


def test_other_port_of_the_same_data_is_free(tmp_path: Path) -> None:
    for port in (free_port(), free_port()):
        Claim(tmp_path, "127.0.0.1", port)
    assert len(list(tmp_path.iterdir())) == 2


def test_another_program_is_named_with_the_way_out(
    tmp_path: Path, listener: tuple[int, subprocess.Popen[str]]
) -> None:
    port, process = listener
    with pytest.raises(PortTakenError) as refused:
        Claim(tmp_path, "127.0.0.1", port)
    first, second = str(refused.value).splitlines()
    assert first.startswith(f"Port {port} is in use by another program, “{sys.executable} -c")
    assert first.endswith(f"(process {process.pid}).")
    other = int(second.partition("PORT=")[2].split()[0])
    assert second == f"Stop it, or choose another port: PORT={other} make run"
    with socket.create_server(("127.0.0.1", other)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_port_on_all_addresses_is_taken_by_one_of_them(
    tmp_path: Path, listener: tuple[int, subprocess.Popen[str]]
) -> None:
    with pytest.raises(PortTakenError, match="another program"):
        Claim(tmp_path, "0.0.0.0", listener[0])


def test_connection_that_waits_after_its_end_does_not_hold_the_port(tmp_path: Path) -> None:
    """TIME_WAIT of the service that has just stopped."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with closing(socket.create_connection(("127.0.0.1", port))) as client:
            served, _ = listener.accept()
            served.close()
            client.recv(1)
    Claim(tmp_path, "127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "http://localhost:8000"),
        ("::", "http://localhost:8000"),
        ("192.0.2.1", "http://192.0.2.1:8000"),
        ("2001:db8::1", "http://[2001:db8::1]:8000"),
    ],
)
def test_address_for_a_browser(host: str, shown: str) -> None:
    assert address(host, 8000) == shown
