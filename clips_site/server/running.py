"""One `make run` for each port: a second one learns at once who has the port, and what to do.

Each holds a lock on a file in CLIPS_LOCAL_DIR, which the kernel releases however it ends. The file
has its process ID and its address.
"""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path


class PortTakenError(Exception):
    """The port cannot be used; the message is for the terminal."""


class Claim:
    """A port of this machine, claimed for this service."""

    def __init__(self, folder: Path, host: str, port: int) -> None:
        """Claim the port. Raise PortTakenError if this service or another program has it."""
        self._path = folder / f"running-{port}"
        self._owner = os.getpid()
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PortTakenError(_already_running(self._path)) from None
        if not is_free(host, port):
            self.release()
            raise PortTakenError(_taken(port))
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()} {address(host, port)}\n".encode())

    def release(self) -> None:
        """Delete the file. Its lock ends with the last process of this service."""
        if self._owner == os.getpid():
            self._path.unlink(missing_ok=True)


def address(host: str, port: int) -> str:
    """Return the address of the service for a browser on this machine."""
    if host in ("127.0.0.1", "0.0.0.0", "::", "::1"):
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def is_free(host: str, port: int) -> bool:
    """Return whether this process could listen on the port.

    Other errors than a taken port are left to gunicorn, which reports them.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


def _already_running(path: Path) -> str:
    pid, _, url = path.read_text().strip().partition(" ")
    if not url:
        return "Clips Service is being started by another `make run`."
    return (
        f"Clips Service is already running at {url}/ (process {pid}).\n"
        f"To stop it, press Ctrl-C in its terminal, or run: kill {pid}"
    )


def _taken(port: int) -> str:
    other = next((port for port in range(port + 1, 65_536) if is_free("127.0.0.1", port)), 8001)
    holder = next(_listening(port), "another program")
    advice = f"Stop it, or choose another port: PORT={other} make run"
    return f"Port {port} is in use by {holder}.\n{advice}"


def _listening(port: int) -> Iterator[str]:
    """Name the processes that listen on a port, on Linux and as far as this user may see them."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
    for pid in sorted(int(process.name) for process in Path("/proc").glob("[0-9]*")):
        process = Path("/proc", str(pid))
        with suppress(OSError):
            if any(os.readlink(file) in sockets for file in (process / "fd").iterdir()):
                yield f"{_named(process)} (process {pid})"


def _named(process: Path) -> str:
    words = (process / "cmdline").read_bytes().split(b"\0")
    command = b" ".join(words).decode(errors="replace").strip()
    if "clips_site/server/gunicorn" in command:
        return f"another Clips Service, in {os.readlink(process / 'cwd')}"
    return f"another program, “{''.join(filter(str.isprintable, command[:60]))}”"


def _inodes(port: int) -> Iterator[str]:
    for name in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
                _, local, _, state, *_, inode = line.split()[:10]
                if state == "0A" and int(local.rpartition(":")[2], 16) == port:  # TCP_LISTEN
                    yield inode
