"""The URLs that origins are asked for, byte by byte, and redirects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.origin import Origin, answer
from library.audio.origin_policy import OriginPolicy, RefusedURLError
from library.audio.origin_url import redirected, request_target
from tests.audio.fetching import client, failure, fetch, redirect, sending, stub

# Paths and queries, and what the origin must be sent.
UNCHANGED = [
    *("/%7Ea", "/~a", "/%2f", "/%2F", "/%41", "/a%20b", "/%e9", "/%zz", "/100%", "/a+b", "/a;b=c"),
    *(
        "/a|b",
        "/[a]",
        "/a^b",
        '/"a"',
        "/<a>",
        "/{a}",
        "/`a`",
        "/a.",
        "/a..",
        "/.../a",
        "/a,b!$&'()*",
    ),
    *(
        "//a//b/",
        "/a?x=%7E&y=%2f%2F+~;|[]^",
        "/a?",
        "/a??",
        "/a?x=/../y",
        "/a?http://b/c",
        "/a:80@b",
    ),
    "/a?X-Amz-Signature=9e%2B%3D&Expires=1&Policy=eyJ~_-__",
]
REWRITTEN = {
    "": "/",
    "?a": "/?a",
    "/a#b": "/a",
    "/a?b#c?d": "/a?b",
    "/é/ü?ñ=€": "/%C3%A9/%C3%BC?%C3%B1=%E2%82%AC",
    "/a/../b": "/b",
    "/a/./b/.": "/a/b/",
    "/../../a": "/a",
    "/a/%2e%2E/b": "/b",
    "/a/..": "/",
    "/a//../b": "/a/b",
}


@pytest.mark.parametrize("target", UNCHANGED)
def test_path_and_query_are_sent_as_they_are(origin: Origin, target: str) -> None:
    origin.on(target, answer(b"x"))
    assert fetch(origin.url(target)) == b"x"
    assert fetch(origin.on("/redirect", redirect(origin.url(target)))) == b"x"


@pytest.mark.parametrize(("target", "sent"), REWRITTEN.items())
def test_other_characters_are_encoded_and_dot_segments_removed(target: str, sent: str) -> None:
    assert request_target("https://example.com" + target) == sent


def test_international_host_is_sent_in_its_ascii_form(origin: Origin) -> None:
    fetcher = client("xn--bcher-kva.example", resolver=stub("127.0.0.1"))
    origin.on("/a", answer(b"x"))
    location = f"http://B\xfccher.example:{origin.port}/a".encode().decode("latin-1")
    for url in (
        f"http://B\xfccher.example:{origin.port}/a",
        f"http://xn--bcher-kva.example:{origin.port}/a",
    ):
        assert fetch(url, fetcher) == b"x"
    assert redirected("http://a.example/", location) == f"http://B\xfccher.example:{origin.port}/a"
    hosts = {line for request in origin.requests for line in request.split("\r\n")[1:2]}
    assert hosts == {f"Host: xn--bcher-kva.example:{origin.port}"}


# Redirects


def test_redirect_is_followed(origin: Origin) -> None:
    origin.on("/b", answer(b"x"))
    assert fetch(origin.on("/a", redirect("/b"))) == b"x"


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/b", "http://h.example:81/b"),
        ("b", "http://h.example:81/x/b"),
        ("./b", "http://h.example:81/x/b"),
        ("../../b", "http://h.example:81/b"),
        ("?b", "http://h.example:81/x/y?b"),
        ("?", "http://h.example:81/x/y?"),
        ("#b", "http://h.example:81/x/y?z=%7E"),
        ("b?c#d", "http://h.example:81/x/b?c"),
        ("//i.example/b", "http://i.example/b"),
        ("HTTPS://i.example", "HTTPS://i.example/"),
        (" \t/b \t", "http://h.example:81/b"),
        ("/b c?d e", "http://h.example:81/b%20c?d%20e"),
        ("/b:c", "http://h.example:81/b:c"),
        ("b/c:d", "http://h.example:81/x/b/c:d"),
        ("//", "http:///"),  # refused, as it has no host
    ],
)
def test_location_is_relative_to_the_url(location: str, url: str) -> None:
    assert redirected("http://h.example:81/x/y?z=%7E", location) == url


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/é ü?ñ".encode(), "/%C3%A9%20%C3%BC?%C3%B1"),
        ("/é".encode("latin-1"), "/%E9"),
        ("/日本.mp3".encode("shift-jis"), "/%93%FA%96{.mp3"),
        (b"/a b?c d", "/a%20b?c%20d"),
        (b"/%C3%A9", "/%C3%A9"),
        (b"/%c3%a9?%7E", "/%c3%a9?%7E"),
    ],
)
def test_location_with_raw_bytes_is_followed(origin: Origin, location: bytes, target: str) -> None:
    origin.on(target, answer(b"x"))
    head = b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % location
    assert fetch(origin.on("/redirect", sending(head))) == b"x"
    absolute = origin.url("").encode() + location
    head = b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % absolute
    assert fetch(origin.on("/redirect", sending(head))) == b"x"


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://127.0.0.2/", "origin_address_refused"),
        ("http://169.254.169.254/latest/meta-data", "origin_address_refused"),
        ("http://[::ffff:127.0.0.2]/", "origin_address_refused"),
        ("http://8.8.8.8:22/", "origin_address_refused"),
        ("http://8.8.8.8:0/", "origin_address_refused"),
        ("//127.0.0.2/", "origin_address_refused"),
        ("/a", "origin_redirect_loop"),
        ("?a", "origin_redirect_loop"),
        ("#a", "origin_redirect_loop"),
        *(
            (location, "origin_redirect_refused")
            for location in (
                *("ftp://example.com/a", "file:///etc/passwd", "data:audio/mpeg,x", "mailto:a@b"),
                *("javascript:alert(1)", "gopher://example.com/", "ws://example.com/", "x:y"),
                *("http://user:word@example.com/", "http://@example.com/", "//a@example.com/"),
                *(
                    "http://[",
                    "http://]",
                    "http://[::1",
                    "http://[x]/",
                    "http://[::1%25lo]/",
                    "//[",
                ),
                *("http://h:99999/", "http://h:-1/", "http://h:x/", "http://h:8 0/", "http://:80/"),
                *("http:", "http:/", "http:a", "http://", "//", "///a", "http:///a", "http://?x"),
                *("http://a b/", "http://a\\b/", "\\\\127.0.0.1", "/\\example.com", "http:\\\\a"),
                *(
                    "/a\x01b",
                    "/a\tb",
                    "/a\x7fb",
                    "/\x00",
                    "http://exam\x1bple.com/",
                    "http://\xff/",
                ),
                *("/" + "a" * 8001, "http://\xad/"),
            )
        ),
    ],
)
def test_malformed_or_refused_redirect_is_an_error(
    origin: Origin, location: str, code: str
) -> None:
    head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    origin.on("/a?a", sending(head.encode("latin-1")))
    assert failure(origin.on("/a", sending(head.encode("latin-1")))) == code


@pytest.mark.parametrize("fields", ["Location:", "Location:  ", "Location: /a\r\nLocation: /b"])
def test_redirect_without_one_location_is_refused(origin: Origin, fields: str) -> None:
    head = f"HTTP/1.1 302 Found\r\n{fields}\r\nContent-Length: 0\r\n\r\n".encode()
    assert failure(origin.on("/a", sending(head))) == "origin_redirect_refused"


def test_redirect_without_a_location_is_an_error_of_the_origin(origin: Origin) -> None:
    assert failure(origin.on("/a", answer(b"", "302 Found"))) == "origin_http_error"


def test_location_of_5000_characters_is_followed(origin: Origin) -> None:
    long = "/" + "a" * 5000
    origin.on(long, answer(b"x"))
    assert fetch(origin.on("/a", redirect(long))) == b"x"


def test_five_redirects_are_followed_and_six_are_not(origin: Origin) -> None:
    for step in range(6):
        origin.on(f"/{step}", redirect(f"/{step + 1}"))
    origin.on("/6", answer(b"x"))
    assert fetch(origin.url("/1")) == b"x"
    assert failure(origin.url("/0")) == "origin_redirect_loop"


BYTES = st.text(st.characters(max_codepoint=255), max_size=40)


@given(BYTES | BYTES.map("http://".__add__) | BYTES.map("//[".__add__))
def test_any_location_gives_a_url_that_can_be_sent_or_is_refused(location: str) -> None:
    policy = OriginPolicy()
    try:
        url = redirected("http://h.example/x", location)
        policy.check_url(url)
    except RefusedURLError:
        return
    assert request_target(url).isascii()
    assert request_target(url).startswith("/")
    assert " " not in request_target(url)
