"""Reading the log of a running service."""

import json
import time
from typing import Any

from harness.service import Server


def lines(server: Server) -> list[dict[str, Any]]:
    """Return all complete lines; each must be JSON."""
    whole, _, _ = server.log.read_text().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def lines_of(server: Server, request_id: str) -> list[dict[str, Any]]:
    """Return the lines of a request once it has ended, shortly after its last byte."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = [line for line in lines(server) if line.get("request_id") == request_id]
        if any(line["event"] == "request" for line in found):
            return found
        time.sleep(0.01)
    raise AssertionError(f"no line of {request_id} in\n{server.log.read_text()}")


def request_line(server: Server, request_id: str) -> dict[str, Any]:
    """Return the access line of a request."""
    (line,) = [line for line in lines_of(server, request_id) if line["event"] == "request"]
    return line
