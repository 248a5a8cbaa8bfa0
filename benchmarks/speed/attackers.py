"""Clients that hold connections: `python -m benchmarks.speed.attackers PORT IDLE SENDERS`.

Some send nothing. The others send half a head, or a head or body at one byte a second. Each comes
back as soon as it is disconnected. The program prints a line when all are connected, and the number
of connections that it made when standard input ends.
"""

import argparse
import resource
import select
import socket
import sys
import time
from dataclasses import dataclass, field
from itertools import cycle, islice

HEAD = b"GET /api/v1/clips HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Filler: " + b"x" * 1000
BODY = b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %b\r\nContent-Length: 5000\r\n\r\n"
TO_API = BODY % (b"/api/v1/clips", b"application/json")
TO_LOGIN = BODY % (b"/admin/login/", b"application/x-www-form-urlencoded")
AT_ONCE = 200  # connections opened between two looks at those that exist
INTERVAL = 1.0  # seconds between two bytes


@dataclass(frozen=True)
class Shape:
    """What an attacker sends at once, and then byte by byte."""

    first: bytes
    rest: bytes = b""


IDLE = Shape(b"")
SENDERS = (
    Shape(HEAD[:20]),
    Shape(b"", HEAD),
    Shape(TO_API, b"{" * 5000),
    Shape(TO_LOGIN, b"a" * 5000),
)


@dataclass
class Attackers:
    """All connections, by descriptor."""

    port: int
    to_open: list[Shape]
    made: int = 0
    held: dict[int, "Attacker"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._poll = select.epoll()

    def open_some(self) -> None:
        for shape in self.to_open[-AT_ONCE:]:
            connection = socket.socket()
            connection.settimeout(0)
            connection.connect_ex(("127.0.0.1", self.port))
            self.held[connection.fileno()] = Attacker(connection, shape)
            self._poll.register(connection, select.EPOLLIN | select.EPOLLOUT)
            self.made += 1
        del self.to_open[-AT_ONCE:]

    def progress(self, seconds: float) -> None:
        """Begin what is connected, and replace what the service has closed."""
        for descriptor, events in self._poll.poll(seconds, 1000):
            attacker = self.held[descriptor]
            if events & select.EPOLLOUT:
                self._poll.modify(descriptor, select.EPOLLIN)
                attacker.send(attacker.shape.first)
            elif not attacker.is_open():
                self._poll.unregister(descriptor)
                self.held.pop(descriptor).connection.close()
                self.to_open.append(attacker.shape)

    def drip(self) -> None:
        """Send the next byte of each that sends slowly."""
        for attacker in self.held.values():
            if attacker.sent < len(attacker.shape.rest):
                attacker.send(attacker.shape.rest[attacker.sent : attacker.sent + 1])
                attacker.sent += 1


@dataclass
class Attacker:
    """One connection, and how many bytes it has sent one by one."""

    connection: socket.socket
    shape: Shape
    sent: int = 0

    def send(self, data: bytes) -> None:
        try:
            self.connection.send(data)
        except OSError:
            return  # `is_open` notices

    def is_open(self) -> bool:
        try:
            return bool(self.connection.recv(65536))
        except BlockingIOError:
            return True
        except OSError:
            return False


def main() -> None:
    """Attack until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("idle", type=int)
    parser.add_argument("senders", type=int)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    shapes = [IDLE] * options.idle + [*islice(cycle(SENDERS), options.senders)]
    attackers = Attackers(options.port, shapes)
    next_drip = time.monotonic() + INTERVAL
    announced = False
    while not select.select([sys.stdin], [], [], 0)[0]:
        attackers.open_some()
        attackers.progress(0.02)
        if not announced and not attackers.to_open:
            print("ready", flush=True)
            announced = True
        if time.monotonic() >= next_drip:
            next_drip += INTERVAL
            attackers.drip()
    print(attackers.made, flush=True)


if __name__ == "__main__":
    main()
