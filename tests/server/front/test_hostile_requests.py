"""Requests that no client should send: each ends in time, with a JSON error and one line logged."""

import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

from harness.service import Server
from tests.support.log_lines import lines

pytestmark = pytest.mark.django_db  # or pytest-django would create no database

LONGEST_LINE = 1500  # characters of a line in the log
END = None  # the client ends its side of the connection
Step = bytes | float | None  # bytes to send, seconds to wait, or END
HOST = b"Host: localhost\r\n"
LIVEZ = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"
CHUNKED = "Transfer-Encoding: chunked"


def head(line: str, *fields: str | bytes) -> bytes:
    """Return a head of HTTP/1.1 with Host."""
    lines = [field if isinstance(field, bytes) else field.encode() for field in fields]
    return b"\r\n".join((f"{line} HTTP/1.1".encode(), b"Host: localhost", *lines, b"", b""))


def post(path: str = "/api/v1/clips", *fields: str, length: int = 300) -> bytes:
    return head(f"POST {path}", f"Content-Length: {length}", "Content-Type: text/plain", *fields)


def dripped(data: bytes) -> list[Step]:
    """Return the steps that send one byte after the other, for longer than any limit."""
    return [step for byte in data for step in (bytes([byte]), 0.1)]


class Shape(NamedTuple):
    """What a client sends, the statuses of all responses, and the code of the last."""

    steps: list[Step]
    statuses: list[int]
    code: str | None = None


def refused(*steps: Step, status: int = 400, code: str = "malformed_request") -> Shape:
    return Shape([*steps], [status], code)


def late(*steps: Step, before: tuple[int, ...] = ()) -> Shape:
    return Shape([*steps], [*before, 408], "request_timeout")


def foreign(target: str, host: str = "localhost") -> Shape:
    request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    return refused(request, status=421, code="misdirected_request")


SHAPES = {
    # Too slow
    "nothing": Shape([], []),
    "empty lines": Shape([b"\r\n\r\n"], []),
    "idle after a response": Shape([LIVEZ], [200]),
    "half a request line": late(b"GET /livez HT"),
    "half a head": late(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: b"),
    "head without its end": late(b"GET /livez HTTP/1.1\r\n" + HOST),
    "half a head of HTTP/1.0": late(b"GET /livez HTTP/1.0\r\nX-A: "),
    "dripped request line": late(*dripped(b"GET /" + b"a" * 25)),
    "dripped head": late(b"GET / HTTP/1.1\r\nX: ", *dripped(b"a" * 25)),
    "half a head after a response": late(LIVEZ, 0.3, b"GET /livez HT", before=(200,)),
    "pipelined half a head": late(LIVEZ + b"GET /livez HT", before=(200,)),
    "pipelined half a head after a body": late(
        head("PUT /livez", "Content-Length: 2") + b"{}GET /livez HT", before=(405,)
    ),
    "half a body": late(post() + b"{"),
    "dripped body": late(post(), *dripped(b"{" * 25)),
    "half a body for logging in": late(post("/admin/login/") + b"username="),
    "dripped body for logging in": late(post("/admin/login/"), *dripped(b"a" * 25)),
    "half a large body": late(post("/admin/login/", length=2_000_000) + b"a" * 1000),
    "half a body after a response": late(LIVEZ, 0.3, post() + b"{", before=(200,)),
    "no body after 100": late(post("/api/v1/clips", "Expect: 100-continue"), before=(100,)),
    # Ended too early
    "end without a request": Shape([END], []),
    "end within a head": refused(b"GET /livez HT", END, code="head_incomplete"),
    "end within a head after a response": Shape(
        [LIVEZ, 0.3, b"GET /livez HT", END], [200, 400], "head_incomplete"
    ),
    "end within a body": refused(post() + b"{", END, code="body_incomplete"),
    "end within a large body": refused(
        post("/admin/login/", length=2_000_000) + b"a", END, code="body_incomplete"
    ),
    # Framing
    "Content-Length: x": refused(head("GET /livez", "Content-Length: x")),
    "negative Content-Length": refused(head("POST /api/v1/clips", "Content-Length: -5")),
    "two lengths": refused(head("POST /x", "Content-Length: 5", "Content-Length: 6")),
    "length and chunks": refused(head("POST /x", "Content-Length: 5", CHUNKED) + b"0\r\n\r\n"),
    "overflowing length": refused(head("POST /x", f"Content-Length: {10**30}")),
    "body larger than JSON may be": refused(
        post(length=2_000_001), status=413, code="payload_too_large"
    ),
    "body of a page": refused(
        post("/docs", length=2_000_001), status=413, code="payload_too_large"
    ),
    "largest length": refused(
        head("POST /x", f"Content-Length: {2**64 - 1}"), status=413, code="payload_too_large"
    ),
    "coding other than chunks": refused(head("POST /x", "Transfer-Encoding: gzip")),
    "invalid chunk": refused(
        head("POST /api/v1/clips", CHUNKED) + b"ZZ\r\n", status=411, code="length_required"
    ),
    "folded field": refused(head("GET /livez", "X-A: b\r\n c")),
    "space before the colon": refused(head("GET /livez", "X-A : b")),
    "field without a colon": refused(head("GET /livez", "X-A")),
    "bare line feeds": refused(
        b"GET /livez HTTP/1.1\nHost: localhost\n\n", code="request_line_invalid"
    ),
    "NUL in a field": refused(head("GET /livez", "X-A: b\x00c")),
    "control character in a field": refused(head("GET /livez", "X-Request-ID: a\x1b[2J")),
    # Other protocols
    "TLS": refused(bytes.fromhex("16030100f8010000f40303") + bytes(100), code="tls_received"),
    "SSH": refused(b"SSH-2.0-OpenSSH_9.2\r\n", code="request_line_invalid"),
    "HTTP/2": refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "HTTP/0.9": refused(b"GET /livez\r\n\r\n", code="request_line_invalid"),
    **{
        f"HTTP/{version}": refused(
            f"GET /livez HTTP/{version}\r\n".encode() + HOST + b"\r\n",
            status=505,
            code="http_version_not_supported",
        )
        for version in ("1.2", "3.7", "9.9")
    },
    "NUL bytes": refused(bytes(50), code="request_line_invalid"),
    # Too long
    "request line of 8,190 bytes": refused(
        head(f"GET /{'a' * 8190}"), status=414, code="uri_too_long"
    ),
    "endless request line": refused(b"GET /" + b"a" * 60_000, status=414, code="uri_too_long"),
    "field of 9,000 bytes": refused(
        head("GET /", f"X: {'a' * 9000}"), status=431, code="request_header_fields_too_large"
    ),
    "101 fields": refused(
        head("GET /", *(f"X-{n}: a" for n in range(100))),
        status=431,
        code="request_header_fields_too_large",
    ),
    # Hosts
    "no Host": refused(b"GET /livez HTTP/1.1\r\n\r\n", code="host_missing"),
    "two hosts": refused(head("GET /livez", "Host: evil.example")),
    "empty Host": refused(b"GET /api/v1/clips HTTP/1.1\r\nHost:\r\n\r\n", code="bad_request"),
    "foreign Host": refused(
        b"GET /api/v1/clips HTTP/1.1\r\nHost: evil.example\r\n\r\n", code="bad_request"
    ),
    "foreign Host of a page": refused(
        b"GET /docs HTTP/1.1\r\nHost: evil.example\r\n\r\n", code="bad_request"
    ),
    "long foreign Host": refused(
        b"GET /api/v1/clips HTTP/1.1\r\nHost: " + b"evil" * 2000 + b"\r\n\r\n", code="bad_request"
    ),
    "Host outside ASCII": refused(
        b"GET /api/v1/x HTTP/1.1\r\nHost: evil\xff\xc3\xa9\r\n\r\n", code="bad_request"
    ),
    "foreign target": foreign("http://evil.example/api/v1/clips"),
    "foreign target of a health check": foreign("http://evil.example/livez"),
    "foreign target of a stream": foreign("http://evil.example/api/v1/clips/1/stream"),
    "foreign target behind a user": foreign("http://localhost@evil.example/livez"),
    "target of another scheme": foreign("ftp://localhost/livez"),
    "target without a host": refused(b"GET http:///livez HTTP/1.1\r\n" + HOST + b"\r\n"),
    "target with half a bracket": refused(b"GET http://[ HTTP/1.1\r\n" + HOST + b"\r\n"),
    "target of this service": Shape(
        [b"GET http://LOCALHOST:80/livez HTTP/1.1\r\nHost: evil.example\r\n\r\n"], [200]
    ),
    # Methods
    **{
        f"method {method}": refused(head(f"{method} /livez"), status=501, code="method_unknown")
        for method in ("BREW", "FOO", "get", "X-A", "GETX")
    },
    "no request line": refused(b"hello world\r\n\r\n", code="request_line_invalid"),
    "control character in the method": refused(head("G\x1bT /livez"), code="request_line_invalid"),
    **{
        f"CONNECT {target}": refused(
            head(f"CONNECT {target}"), status=405, code="method_not_allowed"
        )
        for target in ("evil.example:443", "localhost:80")
    },
    "OPTIONS for the service": Shape([head("OPTIONS *", "Connection: close")], [204]),
    "OPTIONS for a foreign service": refused(
        b"OPTIONS * HTTP/1.1\r\nHost: evil.example\r\n\r\n", code="bad_request"
    ),
    "GET for the service": refused(head("GET *")),
    **{
        f"{method} {path}": refused(
            head(f"{method} {path}", "Content-Length: 0"), status=405, code="method_not_allowed"
        )
        for method in ("PUT", "TRACE", "DELETE", "PROPFIND")
        for path in ("/livez", "/readyz", "/metrics", "/", "/docs", "/admin/login/")
    },
    # Paths
    "path outside ASCII": refused(b"GET /\xff\xfe\xc3\xa9 HTTP/1.1\r\n" + HOST + b"\r\n"),
    "control character in the path": refused(head("GET /a\x1b[2J")),
    "NUL in the query": refused(head("GET /api/v1/clips?search=\x00")),
    "space in the path": refused(head("GET /a b"), code="request_line_invalid"),
    "long path": refused(head(f"GET /api/{'a' * 4000}"), status=404, code="not_found"),
}


class Ended(NamedTuple):
    """What a client received until the connection ended."""

    statuses: list[int]
    last: bytes


def send(server: Server, shape: Shape) -> Ended:
    """Send the steps, and receive until the service closes the connection."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        try:
            for step in shape.steps:
                if isinstance(step, bytes):
                    client.sendall(step)
                elif step is END:
                    client.shutdown(socket.SHUT_WR)
                else:
                    time.sleep(step)  # an attacker is slow
            while data := client.recv(65536):
                received += data
        except (BrokenPipeError, ConnectionResetError):  # it was closed while we still sent
            client.settimeout(0)
    parts = re.split(rb"(?=HTTP/1\.1 \d{3} )", received)
    return Ended([int(part[9:12]) for part in parts[1:]], parts[-1])


@pytest.fixture(scope="module")
def hostile(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Server, dict[str, Ended]]:
    """A service to which all shapes have been sent at once, and what became of them."""
    with django_db_blocker.unblock():
        server = Server(
            tmp_path_factory.mktemp("hostile") / "log",
            WEB_CONCURRENCY="1",
            CLIPS_HEAD_TIMEOUT="2",
            CLIPS_KEEPALIVE_TIMEOUT="1",
            CLIPS_BODY_GRACE="1",
            CLIPS_BODY_TIMEOUT="3",
        )
    with server, ThreadPoolExecutor(len(SHAPES)) as threads:
        ended = [threads.submit(send, server, shape) for shape in SHAPES.values()]
        results = dict(zip(SHAPES, (each.result() for each in ended), strict=True))
    return server, results


@pytest.mark.parametrize("name", SHAPES)
def test_request_ends_with_a_json_error_and_one_line(
    hostile: tuple[Server, dict[str, Ended]], name: str
) -> None:
    server, results = hostile
    shape, ended = SHAPES[name], results[name]
    assert ended.statuses == shape.statuses
    if shape.code is None:
        return
    fields, _, body = ended.last.partition(b"\r\n\r\n")
    assert json.loads(body)["code"] == shape.code
    named = re.search(rb"\r\nX-Request-ID: ([^\r]+)", fields)
    assert named
    (line,) = [line for line in lines(server) if line.get("request_id") == named[1].decode()]
    assert (line["event"], line["status"], line["code"]) == (
        "request",
        shape.statuses[-1],
        shape.code,
    )
    assert line["level"] in ("info", "warning")


def test_log_has_no_error_no_host_and_no_long_line(
    hostile: tuple[Server, dict[str, Ended]],
) -> None:
    server, _ = hostile
    log = server.log.read_text()
    assert "Traceback" not in log
    assert "evil" not in log
    assert max(map(len, log.splitlines())) < LONGEST_LINE
    assert {line["level"] for line in lines(server)} <= {"info", "warning"}
