"""Listeners on a plain socket, which read as little as a test wants."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from harness.service import Server
from library.models import Clip
from tests.support.plays import stream


@contextmanager
def slow_listener(server: Server, clip: Clip) -> Iterator[socket.socket]:
    """Request a stream and read only its first bytes of audio, into a buffer that soon fills up."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.settimeout(20)
        listener.connect(("127.0.0.1", server.port))
        listener.sendall(f"GET {stream(clip)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        received = b""
        while not received.partition(b"\r\n\r\n")[2]:  # the head may arrive before the audio
            received += listener.recv(100)
        assert b"200 OK" in received
        yield listener
