"""Stand-ins for origins: real servers on loopback that say exactly what a test wants."""

import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

Handler = Callable[[socket.socket, str], object]


def answer(
    body: bytes = b"", status: str = "200 OK", headers: dict[str, str] | None = None
) -> Handler:
    """A handler that sends a whole answer; Content-Length unless the headers say otherwise."""
    fields = {"Content-Length": str(len(body)), "Connection": "close"} | (headers or {})
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)

    def handle(connection: socket.socket, request: str) -> None:
        connection.sendall(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body)

    return handle


def in_two_parts(
    body: bytes, first: int, go_on: threading.Event, *, told: bool = True, whole: bool = True
) -> Handler:
    """Sends the beginning, waits for the event, sends the rest or breaks off."""

    def handle(connection: socket.socket, request: str) -> None:
        length = f"Content-Length: {len(body)}\r\n" if told else ""
        head = f"HTTP/1.1 200 OK\r\n{length}Connection: close\r\n\r\n"
        connection.sendall(head.encode() + body[:first])
        go_on.wait(10)
        if whole:
            connection.sendall(body[first:])

    return handle


def await_downloads() -> None:
    """Return when this process downloads nothing more."""
    for thread in threading.enumerate():
        if thread.name.startswith("fetch "):
            thread.join(10)


class Origin:
    """An HTTP server whose every path is answered by a handler, on a socket of its own."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.asked: Counter[str] = Counter()
        self.requests: list[str] = []
        self._handlers: dict[str, Handler] = {}
        self._listener = socket.create_server((host, 0), backlog=128)
        self.host, self.port = self._listener.getsockname()[:2]
        threading.Thread(target=self._accept, daemon=True).start()

    def on(self, path: str, handler: Handler) -> str:
        """Answer a path so; returns its URL."""
        self._handlers[path] = handler
        return self.url(path)

    def url(self, path: str) -> str:
        """The URL of a path."""
        return f"http://{self.host}:{self.port}{path}"

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

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
            self.asked[path] += 1
            self.requests.append(text)
            handler = self._handlers.get(path, answer(b"not here", "404 Not Found"))
            handler(connection, text)
