"""Origins: HTTP servers on loopback that send exactly the bytes a test needs."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from harness.service import ROOT

# Called with the connection, and the request up to what was received with its headers.
Handler = Callable[[socket.socket, str], object]

SAMPLES = sorted((ROOT / "fixtures/audio").glob("*.mp3"))


def answer(
    body: bytes = b"", status: str = "200 OK", headers: dict[str, str] | None = None
) -> Handler:
    """Send a whole response; a header whose value is empty is left out."""

    def handle(connection: socket.socket, request: str) -> None:
        connection.sendall(_head(body, status, headers) + body)

    return handle


def in_two_parts(
    body: bytes, first: int, go_on: threading.Event, *, length: bool = True, whole: bool = True
) -> Handler:
    """Send the first bytes, wait for the event, then send the rest, or break off if not `whole`.

    Without `length` the response has no Content-Length.
    """

    def handle(connection: socket.socket, request: str) -> None:
        head = _head(body, headers=None if length else {"Content-Length": ""})
        connection.sendall(head + body[:first])
        go_on.wait(10)
        if whole:
            connection.sendall(body[first:])

    return handle


def paced(body: bytes, bytes_per_second: float, end: int | None = None) -> Handler:
    """Send the body slowly, in pieces of a 50th of a second, and break off at `end` if given."""
    size = int(bytes_per_second / 50)

    def handle(connection: socket.socket, request: str) -> None:
        connection.sendall(_head(body))
        began = time.monotonic()
        for start in range(0, len(body[:end]), size):
            time.sleep(max(0, began + start / bytes_per_second - time.monotonic()))
            connection.sendall(body[:end][start : start + size])

    return handle


def any_sample(connection: socket.socket, request: str) -> None:
    """Send a sample clip chosen by the path, to be kept for a minute."""
    path = request.split(" ")[1]
    body = SAMPLES[sum(path.encode()) % len(SAMPLES)].read_bytes()
    answer(body, headers={"Cache-Control": "max-age=60"})(connection, request)


def _head(body: bytes, status: str = "200 OK", headers: dict[str, str] | None = None) -> bytes:
    fields = {"Content-Length": str(len(body)), "Connection": "close"} | (headers or {})
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode()


NOT_FOUND = answer(b"not here", "404 Not Found")
UNAVAILABLE = answer(status="503 Service Unavailable")


def await_downloads() -> None:
    """Return when this process has no download under way."""
    for thread in threading.enumerate():
        if thread.name.startswith("fetch "):
            thread.join(10)


class Origin:
    """An HTTP server that answers each path by its handler, and others by `default`.

    Set `delay` (seconds before each response) or `failing` (503 for everything) while it runs.
    """

    def __init__(self, host: str = "127.0.0.1", default: Handler = NOT_FOUND) -> None:
        self.request_counts: Counter[str] = Counter()  # by path
        self.requests: list[str] = []
        self.delay = 0.0
        self.failing = False
        self._default = default
        self._handlers: dict[str, Handler] = {}
        self._listener = socket.create_server((host, 0), backlog=128)
        self.host, self.port = self._listener.getsockname()[:2]
        threading.Thread(target=self._accept, daemon=True).start()

    def on(self, path: str, handler: Handler) -> str:
        """Answer a path (with its query, if it has one) by a handler; return its URL."""
        self._handlers[path] = handler
        return self.url(path)

    def url(self, path: str) -> str:
        """Return the URL of a path."""
        return f"http://{self.host}:{self.port}{path}"

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request:
                received = connection.recv(65536)
                if not received:
                    return
                request += received
            text = request.decode("latin-1")
            path = text.split(" ")[1]
            self.request_counts[path] += 1
            self.requests.append(text)
            time.sleep(self.delay)
            handler = self._handlers.get(path, self._default)
            (UNAVAILABLE if self.failing else handler)(connection, text)
