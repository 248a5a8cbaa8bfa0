"""Resolve host names with a timeout, which getaddrinfo(3) does not have."""

import socket
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread

from library.audio.errors import AudioUnavailableError
from library.audio.origin_policy import literal_address

Resolver = Callable[[str, int, float], list[str]]


def resolve(host: str, port: int, timeout: float) -> list[str]:
    """Return the distinct addresses of a host, in the system's order of preference.

    Raises AudioUnavailableError if there are none or `timeout` seconds pass. The thread of a slow
    look-up ends when the system's resolver gives up.
    """
    literal = literal_address(host)
    if literal is not None:
        return [literal]
    answers: SimpleQueue[list[str] | None] = SimpleQueue()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(address[0]) for *_, address in found)))
        except (OSError, UnicodeError):
            answers.put(None)

    thread = Thread(target=look_up, name=f"resolve {host}", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the system allows no further thread
        raise AudioUnavailableError("store_unavailable") from None
    try:
        addresses = answers.get(timeout=max(0.001, timeout))
    except Empty:
        raise AudioUnavailableError("origin_timeout") from None
    if not addresses:
        raise AudioUnavailableError("origin_dns_failed")
    return addresses
