"""A connection to PostgreSQL that a test can interrupt."""

import os
import socket
import threading
from contextlib import suppress
from typing import Any

from django.db import connection


class Gate:
    """A port that forwards to PostgreSQL. While it is shut, new connections wait.

    They would wait in the same way for a server whose processes are stopped.
    """

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            descriptor = os.dup(cursor.connection.pgconn.socket)
        with socket.socket(fileno=descriptor) as behind:
            self._family, self._address = behind.family, behind.getpeername()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        host, port = self._listener.getsockname()
        self.parameters: dict[str, Any] = {"host": host, "port": port}
        self._open = threading.Event()
        self.open, self.shut = self._open.set, self._open.clear
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Refuse new connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._let_in, args=(client,), daemon=True).start()

    def _let_in(self, client: socket.socket) -> None:
        self._open.wait()
        server = socket.socket(self._family)
        with client, server, suppress(OSError):
            server.connect(self._address)
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            _copy(client, server)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
