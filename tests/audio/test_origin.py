"""The origin client against hostile origins, on real sockets."""

import gzip
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.origin import Handler, Origin, answer
from library.audio.errors import AudioUnavailableError
from library.audio.origin import OriginLimits
from library.audio.resolver import resolve
from tests.audio.fetching import client, failure, fetch, sending, stub


def dripping(head: bytes, drop: bytes) -> Handler:
    """Send the head, then the drop again and again, faster than the read limit."""

    def handle(connection: socket.socket, request: str) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(drop)
            time.sleep(0.05)

    return handle


def test_whole_body_is_fetched(origin: Origin) -> None:
    assert fetch(origin.on("/a", answer(b"x" * 99_999))) == b"x" * 99_999


def test_request_headers_refuse_codings_and_identify_the_service(origin: Origin) -> None:
    fetch(origin.on("/a", answer(b"x")), client(user_agent="Example/1 (+https://example.com/)"))
    assert "Accept-Encoding: identity" in origin.requests[0]
    assert "Via: 1.1 test" in origin.requests[0]
    assert "User-Agent: Example/1 (+https://example.com/)" in origin.requests[0]


def test_proxy_and_credentials_of_the_environment_are_ignored(
    origin: Origin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert fetch(origin.on("/a", answer(b"x"))) == b"x"
    assert "Authorization" not in origin.requests[0]


@pytest.mark.parametrize("status", ["400 Bad", "403 No", "404 Gone", "500 Oh", "204 No"])
def test_status_other_than_200_is_an_error(origin: Origin, status: str) -> None:
    assert failure(origin.on("/a", answer(b"x", status))) == "origin_http_error"


def test_203_is_a_success(origin: Origin) -> None:
    assert fetch(origin.on("/a", answer(b"x", "203 Non-Authoritative Information"))) == b"x"


def test_304_without_validators_is_an_error(origin: Origin) -> None:
    assert failure(origin.on("/a", answer(b"", "304 Not Modified"))) == "origin_http_error"


# Addresses


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1"])
def test_private_address_is_refused_in_every_spelling(host: str) -> None:
    assert failure(f"http://{host}/a", client("none")) == "origin_address_refused"


def test_name_with_a_private_address_is_refused() -> None:
    assert failure("http://localhost/a", client("none")) == "origin_address_refused"


def test_name_with_one_private_address_of_several_is_refused(origin: Origin) -> None:
    mixed = client("none", resolver=stub("8.8.8.8", "10.0.0.1"))
    assert failure("http://two.example/a", mixed) == "origin_address_refused"


def test_connection_goes_to_the_address_that_was_checked(origin: Origin) -> None:
    """The client resolves a name once, so DNS rebinding has no effect."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    fetcher = client("rebind.example", resolver=lambda host, port, timeout: next(answers))
    origin.on("/a", answer(b"x"))
    assert fetch(f"http://rebind.example:{origin.port}/a", fetcher) == b"x"
    assert next(answers) == ["10.0.0.1"]


def test_second_address_is_tried_if_the_first_is_dead(origin: Origin) -> None:
    fetcher = client("two.example", resolver=stub("127.0.0.9", "127.0.0.1"))
    origin.on("/a", answer(b"x"))
    assert fetch(f"http://two.example:{origin.port}/a", fetcher) == b"x"


def test_unknown_name_fails() -> None:
    assert failure("http://nothing.invalid/a", client("none")) == "origin_dns_failed"


def test_slow_resolver_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def slow(*_: object, **__: object) -> list[object]:
        released.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with pytest.raises(AudioUnavailableError, match="origin_timeout"):
        resolve("slow.example", 80, 0.05)
    released.set()


def test_closed_port_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert failure(f"http://127.0.0.1:{port}/a") == "origin_unreachable"


def test_unusual_port_is_refused() -> None:
    assert failure("http://8.8.8.8:8080/a", client("none")) == "origin_address_refused"


# Limits


def test_endless_body_of_a_redirect_is_not_read(origin: Origin) -> None:
    origin.on("/b", answer(b"x"))
    head = b"HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n"
    assert fetch(origin.on("/a", dripping(head, b"y" * 1000))) == b"x"


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"y"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"y"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\ny\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["status", "header", "body", "endless body", "chunks", "continue"],
)
def test_slow_response_ends_with_the_total_limit(origin: Origin, head: bytes, drop: bytes) -> None:
    limits = OriginLimits(connect=0.5, read=0.3, total=0.4, max_bytes=100_000)
    fetcher = client(limits=limits)
    assert failure(origin.on("/a", dripping(head, drop)), fetcher) == "origin_timeout"


def test_silence_ends_with_the_read_limit(origin: Origin) -> None:
    silence = threading.Event()
    assert failure(origin.on("/a", lambda *_: silence.wait(10))) == "origin_timeout"
    silence.set()


def test_endless_headers_are_refused(origin: Origin) -> None:
    head = b"HTTP/1.1 200 OK\r\n"
    assert failure(origin.on("/a", dripping(head, b"X: y\r\n" * 50))) == "origin_protocol_error"


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]
)
def test_body_over_the_size_limit_is_refused(origin: Origin, head: bytes) -> None:
    url = origin.on("/a", lambda connection, _: connection.sendall(head + b"y" * 100_001))
    assert failure(url) == "origin_too_large"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "origin_truncated"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
            "origin_truncated",
        ),
        (b"garbage\r\n\r\n", "origin_protocol_error"),
        (b"", "origin_protocol_error"),
        (b"HTTP/1.1 200 OK\r\njunk\r\nContent-Length: 9\r\n\r\nshort", "origin_protocol_error"),
        (b"HTTP/1.1 200 OK\r\n Content-Length: 9\r\n\r\nshort", "origin_protocol_error"),
        (b"HTTP/1.1 200 OK\r\nContent-Length : 9\r\n\r\nshort", "origin_protocol_error"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx", "origin_content_coding"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: x, chunked\r\n\r\nx", "origin_content_coding"),
    ],
)
def test_malformed_response_is_an_error(origin: Origin, raw: bytes, code: str) -> None:
    assert failure(origin.on("/a", sending(raw))) == code


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"


@pytest.mark.parametrize("line", [b"1", b"01", b"1 ", b"1;x=y", b"1 ; x", b"0000000000000001"])
def test_valid_chunk_size_is_read(origin: Origin, line: bytes) -> None:
    raw = CHUNKED + line + b"\r\nb\r\n0\r\n\r\n"
    assert fetch(origin.on("/a", sending(raw))) == b"ab"


@pytest.mark.parametrize("line", [b"", b"1"])
def test_body_that_ends_in_a_chunk_size_is_truncated(origin: Origin, line: bytes) -> None:
    assert failure(origin.on("/a", sending(CHUNKED + line))) == "origin_truncated"


def test_body_ends_at_its_content_length(origin: Origin) -> None:
    assert fetch(origin.on("/a", answer(b"abcdef", headers={"Content-Length": "3"}))) == b"abc"


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip", "aws-chunked,gzip"])
def test_content_coding_is_refused(origin: Origin, coding: str) -> None:
    body = answer(gzip.compress(b"x"), headers={"Content-Encoding": coding})
    assert failure(origin.on("/a", body)) == "origin_content_coding"


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for `localhost`, with its key."""
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    subprocess.run(
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
        f" -addext subjectAltName=DNS:localhost -keyout {path} -out {path.with_suffix('.crt')}",
        shell=True,
        check=True,
        capture_output=True,
    )
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


@pytest.fixture
def tls_origin(certificate: Path) -> Iterator[Callable[[bytes, bytes], str]]:
    """Serve one response over TLS: a head, then the same drop again and again. Return its URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def start(head: bytes, drop: bytes = b"") -> str:
        def serve() -> None:
            try:
                connection, _ = listener.accept()
                with context.wrap_socket(connection, server_side=True) as secure:
                    secure.recv(65536)
                    secure.sendall(head)
                    while drop:
                        secure.sendall(drop)
                        time.sleep(0.05)
            except OSError:
                pass

        threading.Thread(target=serve, daemon=True).start()
        return f"https://localhost:{listener.getsockname()[1]}/a"

    yield start
    listener.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx"


def test_trusted_certificate_with_the_host_name_is_accepted(
    tls_origin: Callable[..., str], certificate: Path
) -> None:
    fetcher = client("localhost", ca_bundle=str(certificate.with_suffix(".crt")))
    assert fetch(tls_origin(OK), fetcher) == b"x"


def test_untrusted_certificate_is_refused(tls_origin: Callable[..., str]) -> None:
    assert failure(tls_origin(OK), client("localhost")) == "origin_tls_failed"


def test_certificate_with_another_host_name_is_refused(
    tls_origin: Callable[..., str], certificate: Path
) -> None:
    url = tls_origin(OK).replace("localhost", "127.0.0.1")
    fetcher = client("127.0.0.1", ca_bundle=str(certificate.with_suffix(".crt")))
    assert failure(url, fetcher) == "origin_tls_failed"


def test_redirect_from_https_to_http_is_refused(
    tls_origin: Callable[..., str], certificate: Path, origin: Origin
) -> None:
    fetcher = client("localhost", ca_bundle=str(certificate.with_suffix(".crt")))
    head = f"HTTP/1.1 302 Found\r\nLocation: {origin.url('/a')}\r\n\r\n".encode()
    assert failure(tls_origin(head), fetcher) == "origin_redirect_refused"


def test_slow_response_over_tls_ends_with_the_total_limit(
    tls_origin: Callable[..., str], certificate: Path
) -> None:
    fetcher = client("localhost", ca_bundle=str(certificate.with_suffix(".crt")))
    assert failure(tls_origin(b"HTTP/1.1 200 OK\r\nX: ", b"y"), fetcher) == "origin_timeout"


def test_receiver_that_does_not_read_over_tls_ends_with_the_limit(
    tls_origin: Callable[..., str], certificate: Path
) -> None:
    fetcher = client("localhost", ca_bundle=str(certificate.with_suffix(".crt")))
    with pytest.raises(AudioUnavailableError, match="origin_timeout"):
        fetcher.post(tls_origin(b"", b"y"), b"x" * 30_000_000, {})


def test_missing_tls_handshake_times_out(origin: Origin) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://localhost:{mute.getsockname()[1]}/a"
        assert failure(url, client("localhost")) == "origin_timeout"


def test_body_of_unknown_length_that_ends_without_close_notify_is_truncated(
    tls_origin: Callable[..., str], certificate: Path
) -> None:
    """TLS ends with close_notify. Without it, an attacker may have closed the connection."""
    fetcher = client("localhost", ca_bundle=str(certificate.with_suffix(".crt")))
    assert failure(tls_origin(b"HTTP/1.1 200 OK\r\n\r\nhalf"), fetcher) == "origin_truncated"


@pytest.mark.parametrize("coding", ["", "identity", "aws-chunked", "AWS-chunked, identity"])
def test_identity_coding_is_accepted(origin: Origin, coding: str) -> None:
    raw = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: 1\r\n\r\nx".encode()
    assert fetch(origin.on("/a", lambda connection, _: connection.sendall(raw))) == b"x"
