"""Which URLs and addresses an origin may have."""

import pytest

from library.audio.origin_policy import OriginPolicy, RefusedURLError, is_public


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"]
)
def test_public_address_is_accepted(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "168.63.129.16",
        "192.0.0.8",
        "192.88.99.1",
        "198.18.0.1",
        "203.0.113.5",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",  # compatible
        "::ffff:127.0.0.1",  # mapped
        "::ffff:0:7f00:1",  # translated
        "64:ff9b::7f00:1",  # NAT64
        "64:ff9b:1::1",
        "2001::1",  # Teredo
        "2001:db8::1",
        "2002:7f00:1::",  # 6to4
        "3fff::1",
        "4000::1",
        "fc00::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",  # site-local
        "ff02::1",
    ],
)
def test_address_outside_the_public_internet_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/path/to/audio.mp3",
        "http://example.com",
        "http://example.com:80/a",
        "http://example.com:443/a",
        "https://[2606:4700:4700::1111]/a",
        "HTTPS://EXAMPLE.COM/a?b=c#d",
        "https://münchen.example/a.mp3",
    ],
)
def test_public_http_url_is_accepted(url: str) -> None:
    assert OriginPolicy().check_url(url).host


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/a",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "//example.com/a",
        "example.com/a",
        "",
        "http://",
        "http:///a",
        "http://user@example.com/",
        "http://user:word@example.com/",
        "http://@example.com/",
        "http://example.com:8080/",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://example.com:a/",
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1%25eth0]/",
        "http://[64:ff9b::7f00:1]/",
        "http://exa mple.com/",
        "http://example.com/\nHost: a",
        "http://example.com\\@127.0.0.1/",
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(RefusedURLError):
        OriginPolicy().check_url(url)


@pytest.mark.parametrize(
    ("allow", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:9000/a"),
        ("127.0.0.1:9000", "http://127.0.0.1:9000/a"),
        ("media.internal", "http://media.internal:8080/a"),
        ("Media.Internal", "http://MEDIA.internal.:8080/a"),
        ("[::1]:9000", "http://[::1]:9000/a"),
    ],
)
def test_operator_can_allow_a_host(allow: str, url: str) -> None:
    assert OriginPolicy([allow]).check_url(url).host


@pytest.mark.parametrize(
    ("allow", "url"),
    [
        ("127.0.0.1:9000", "http://127.0.0.1:9001/a"),
        ("127.0.0.1", "http://127.0.0.2/a"),
        ("example.com", "http://evil.example.com:8080/a"),
    ],
)
def test_exception_does_not_apply_to_other_hosts_and_ports(allow: str, url: str) -> None:
    with pytest.raises(RefusedURLError):
        OriginPolicy([allow]).check_url(url)
