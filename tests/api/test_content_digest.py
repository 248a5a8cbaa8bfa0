"""Content-Digest: what is malformed, what is ignored, and what is compared."""

from base64 import b64encode
from hashlib import sha256, sha512

import pytest

from library.api.content_digest import ContentDigest
from library.api.upload_errors import DigestInvalid, DigestMismatch

BODY = b"audio"
D256 = b64encode(sha256(BODY).digest()).decode()
D512 = b64encode(sha512(BODY).digest()).decode()
OTHER = b64encode(sha256(b"other").digest()).decode()


def check(field: str | None, body: bytes = BODY) -> None:
    digest = ContentDigest(field)
    for byte in body:
        digest.add(bytes([byte]))
    digest.check()


@pytest.mark.parametrize(
    "field",
    [
        None,
        "",
        "  ",
        f"sha-256=:{D256}:",
        f" sha-256=:{D256}: ",
        f"sha-256=:{D256.rstrip('=')}:",
        f"sha-512=:{D512}:",
        f"sha-256=:{D256}:,sha-512=:{D512}:",
        f"sha-512=:{D512}:\t, sha-256=:{D256}:",
        f"md5=:AA==:, sha-256=:{D256}:",
        "unixsum=:AA==:",
        "*.a_b-c=::",
        f"sha-256=:{OTHER}:, sha-256=:{D256}:",  # the last one counts (RFC 9651, section 4.2.2)
        f'sha-256=:{D256}:;a;b=1;c="x, y\\"";d=?1;e=:AA==:;f=tok/en;g=-1.5',
    ],
)
def test_digests_that_agree(field: str | None) -> None:
    check(field)


@pytest.mark.parametrize(
    "field",
    [
        f"sha-256=:{OTHER}:",
        f"sha-256=:{D256}:, sha-512=:{b64encode(sha512(b'x').digest()).decode()}:",
        f"sha-512=:{D512}:, sha-256=:{OTHER}:",
    ],
)
def test_digests_that_differ(field: str) -> None:
    with pytest.raises(DigestMismatch):
        check(field)


@pytest.mark.parametrize(
    "field",
    [
        "sha-256",
        f"sha-256={D256}",
        f'sha-256="{D256}"',
        f"SHA-256=:{D256}:",
        f"sha-256=:{D256}",
        f"sha-256:{D256}:",
        f"sha-256=:{D256}:,",
        f",sha-256=:{D256}:",
        f"sha-256=:{D256}: sha-512=:{D512}:",
        f"sha-256 = :{D256}:",
        f"sha-256=:{sha256(BODY).hexdigest()}:",  # its length in Base64 is another
        "sha-256=::",
        "sha-256=:A:",
        "sha-256=:$$$$:",
        f"sha-256=:{D256[:-4]}:",
        f"sha-512=:{D256}:",
        "md5=1",
        f"sha-256=:{D256}:;",
        f"sha-256=:{D256}:;A=1",
        "ü=:AA==:",
    ],
)
def test_malformed_digests(field: str) -> None:
    with pytest.raises(DigestInvalid):
        check(field)
