"""Slow listeners, all in this process: `python -m benchmarks.speed.listeners PORT CLIPS …`.

Each reads a stream at a constant rate. A small receive buffer, and segments as small as on a real
network (loopback's have 64 kB), keep the kernel from taking in the whole file. The program prints
the result as JSON. The listeners stay connected, without reading on, until standard input ends.
"""

import argparse
import json
import random
import resource
import select
import socket
import statistics
import sys
import time
from dataclasses import asdict, dataclass, field

TICK = 0.25  # seconds between two reads of a listener
SEGMENT, RECEIVE_BUFFER = 1448, 8192  # bytes
GRACE = 2.0  # seconds that a listener's player may be ahead


def open_slow_socket() -> socket.socket:
    """Return a socket for which the peer's kernel cannot send much more than the client reads."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
    return connection


@dataclass
class Listener:
    """One connection and the bytes that it has received since it began, in seconds."""

    connection: socket.socket
    began: float
    received: int = 0

    def due(self, rate: float, now: float) -> int:
        """Return how many bytes a player wants to have by now."""
        return int(rate * (now - self.began)) - self.received


@dataclass
class Result:
    """What happened to the listeners; times to the first byte in ms."""

    served: int = 0
    refused: int = 0  # responses other than 200
    failed: int = 0  # connections that broke off
    finished: int = 0
    starved: int = 0  # received less than half of what they wanted
    first_byte_p50: float = 0.0
    first_byte_p99: float = 0.0


@dataclass
class Crowd:
    """Listeners that arrive evenly within a number of seconds, each of a random clip."""

    port: int
    clips: range
    count: int
    rate: float  # bytes a second
    within: float  # seconds
    result: Result = field(default_factory=Result)
    first_bytes: list[float] = field(default_factory=list)
    arrived: int = 0

    def __post_init__(self) -> None:
        self._poll = select.epoll()
        self._waiting: dict[int, Listener] = {}  # for the connection or the first byte
        self._listening: list[Listener] = []

    def listen(self, seconds: float) -> Result:
        """Let them arrive, and listen until `seconds` have passed since the first one did."""
        began = time.monotonic()
        next_tick = began + TICK
        while (now := time.monotonic()) < began + seconds:
            due = min(self.count, int(self.count * (now - began) / self.within) + 1)
            while self.arrived < due:
                self._arrive()
            for descriptor, events in self._poll.poll(max(0, min(0.01, next_tick - now)), 500):
                self._progress(descriptor, events)
            if time.monotonic() >= next_tick:
                next_tick += TICK
                self._listening = [each for each in self._listening if self._read(each)]
        return self._finish()

    def _arrive(self) -> None:
        connection = open_slow_socket()
        connection.settimeout(0)
        connection.connect_ex(("127.0.0.1", self.port))
        self._waiting[connection.fileno()] = Listener(connection, time.monotonic())
        self._poll.register(connection, select.EPOLLOUT)
        self.arrived += 1

    def _progress(self, descriptor: int, events: int) -> None:
        """Send the request once connected, then wait for the first bytes of the response."""
        listener = self._waiting[descriptor]
        try:
            if events & select.EPOLLOUT:
                path = f"/api/v1/clips/{random.choice(self.clips)}/stream"
                head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
                listener.connection.send(head.encode())
                self._poll.modify(descriptor, select.EPOLLIN)
                return
            beginning = listener.connection.recv(SEGMENT)
        except OSError:
            beginning = b""
        del self._waiting[descriptor]
        self._poll.unregister(descriptor)
        if beginning.startswith(b"HTTP/1.1 200"):
            self.first_bytes.append(time.monotonic() - listener.began)
            listener.received = len(beginning)
            self._listening.append(listener)
            return
        if beginning:
            self.result.refused += 1
        else:
            self.result.failed += 1
        listener.connection.close()

    def _read(self, listener: Listener) -> bool:
        """Read what is due; return whether there is more to come."""
        due = listener.due(self.rate, time.monotonic())
        try:
            received = listener.connection.recv(due) if due > 0 else b" "
        except BlockingIOError:
            return True
        except OSError:
            self.result.failed += 1
            received = None
        if received:
            listener.received += len(received) if due > 0 else 0
            return True
        self.result.finished += received is not None
        listener.connection.close()
        return False

    def _finish(self) -> Result:
        now = time.monotonic() - GRACE
        times = sorted(self.first_bytes)
        self.result.served = len(times)
        self.result.starved = sum(
            each.due(self.rate / 2, now) > 0 for each in self._listening if each.began < now
        )
        if len(times) > 1:
            self.result.first_byte_p50 = statistics.median(times) * 1000
            self.result.first_byte_p99 = statistics.quantiles(times, n=100)[98] * 1000
        return self.result


def main() -> None:
    """Listen, print the result, and hold the connections until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("first", type=int, help="ID of the first clip")
    parser.add_argument("last", type=int)
    parser.add_argument("count", type=int, help="number of listeners")
    parser.add_argument("rate", type=float, help="bytes a second")
    parser.add_argument("within", type=float, help="seconds in which they arrive")
    parser.add_argument("seconds", type=float)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    clips = range(options.first, options.last + 1)
    crowd = Crowd(options.port, clips, options.count, options.rate, options.within)
    print(json.dumps(asdict(crowd.listen(options.seconds))), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
