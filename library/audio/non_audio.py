"""Recognize files that are not supported audio by the signature of their real type."""

import re

from library.audio.containers.reader import Reader
from library.audio.containers.results import CONVERT, SUPPORTED, VIDEO, Reason, Refusal

# A first look at the bytes that identify most types, then at enough for all. Each look waits for
# its bytes: a type found in fewer could be another one in the end.
LOOKS = (12, 1024)
VIDEO_BYTES = 65_536  # in which the tracks of other containers are listed


def _other(sentence: str, reason: Reason = "not_audio") -> Refusal:
    return Refusal(reason, sentence)


def _codec(name: str) -> Refusal:
    return Refusal("codec", f"This is {name}, which browsers do not play. {CONVERT}")


_TEXT = _other("This is text, not audio.", "text")
_PROGRAM = _other("This is a program, not audio.")
_IMAGE = _other("This is an image, not audio.", "image")
_ARCHIVE = _other("This is an archive. Unpack it first.", "archive")
_MPEG = _codec("an MPEG program or transport stream")
_WINDOWS_MEDIA, _FLASH, _AVI = _codec("Windows Media"), _codec("Flash Video"), _codec("AVI")
_CONTAINERS = {_MPEG, _WINDOWS_MEDIA, _FLASH, _AVI}

# What can precede the first tag of a document. Its first bytes alone do not decide. Without
# backtracking, which would also try to end each of many comments where a later one ends.
_TEXT_START = rb"(\xef\xbb\xbf)?+\s*+(?>(<\?xml[^>]*+>|<!--.*?-->|<!doctype svg[^>]*+>)\s*+)*+"
# https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type
_TAGS = rb"html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|meta|link|center"
_ONLY_TEXT = re.compile(rb"[\t\n\f\r\x1b\x20-\x7e\x80-\xff]+")  # ibid., binary data bytes
_ASCII = re.compile(rb"[ -~]")
_UTF_16 = re.compile(rb"\xff\xfe([\t\n\r -~]\0){4}|\xfe\xff(\0[\t\n\r -~]){4}")

# (signature at the beginning of the file, why it is refused), tried in this order
_SIGNATURES: tuple[tuple[re.Pattern[bytes], Refusal], ...] = tuple(
    (re.compile(pattern, re.DOTALL | re.IGNORECASE), refusal)
    for pattern, refusal in (
        (rb"\x89PNG\r\n", _other("This is a PNG image, not audio.", "image")),
        (rb"\xff\xd8\xff", _other("This is a JPEG image, not audio.", "image")),
        (rb"GIF8[79]a", _other("This is a GIF image, not audio.", "image")),
        (rb"RIFF.{4}WEBP|BM.{4}\0{4}|II\*\0|MM\0\*|8BPS|\0\0\x01\0[^\0]|DDS |\xff\x0a", _IMAGE),
        (rb"%PDF-", _other("This is a PDF document, not audio.", "document")),
        (rb"%!PS|\{\\rtf|\xd0\xcf\x11\xe0", _other("This is a document, not audio.", "document")),
        (
            rb"MThd|RIFF.{4}RMID",
            _other(f"This is a MIDI file: notes, not sound. Render it as {SUPPORTED}."),
        ),
        (
            rb"FORM.{4}AIF[FC]",
            Refusal("codec", f"This is AIFF audio, which few browsers play. {CONVERT}"),
        ),
        (
            rb"caff\0",
            Refusal("codec", f"This is Core Audio, which few browsers play. {CONVERT}"),
        ),
        (rb"#!AMR", _codec("AMR audio")),
        (rb"MAC [\x80-\xff]|MAC ..\0\0", _codec("Monkey's Audio")),
        (rb"wvpk", _codec("WavPack audio")),
        (rb"DSD |FRM8.{8}DSD ", _codec("DSD audio")),
        (rb"TTA[12]", _codec("TTA audio")),
        (rb"MP\+[\x07\x17\x27]|MPCK", _codec("Musepack audio")),
        (rb"tBaK", _codec("TAK audio")),
        (rb"OFR ", _codec("OptimFROG audio")),
        (rb"ajkg", _codec("Shorten audio")),
        (rb"LA0[2-9]", _codec("Lossless Audio")),
        (rb"\x0b\x77...[\x00-\x87]", _codec("AC-3 audio (Dolby Digital)")),
        (
            rb"\x7f\xfe\x80\x01|\xfe\x7f\x01\x80|\x1f\xff\xe8\0|\xff\x1f\0\xe8|DTSHDHDR",
            _codec("DTS audio"),
        ),
        (rb".{4}\xf8\x72\x6f\xba", _codec("Dolby TrueHD audio")),
        (rb"\.snd|dns\.|RIFX.{4}WAVE|riff\x2e\x91\xcf\x11|Creative Voice", _codec("rare audio")),
        (rb"\.ra\xfd|\.RMF", _codec("RealMedia")),
        (rb"ADIF", _codec("AAC in ADIF")),
        (rb"NSV[fs]|DKIF|YUV4MPEG|BIK|SMK[24]|\x06\x0e\x2b\x34", _codec("a rare container")),
        (rb"#!(SILK|iLBC|EVRC|SMV)|ea3\x03|OMA\0|DBM0", _codec("rare audio")),
        (rb"Extended Module: |IMPM|.{44}SCRM", _codec("a module of a tracker")),
        (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", _WINDOWS_MEDIA),
        (rb"FLV\x01", _FLASH),
        (rb"RIFF.{4}AVI ", _AVI),
        (rb"\0\0\x01[\xba\xb3]|G.{187}G.{187}G|.{4}G.{191}G.{191}G", _MPEG),
        (rb"PK\x03\x04|PK\x05\x06|\x1f\x8b|Rar!\x1a|7z\xbc\xaf|BZh[1-9]|\xfd7zXZ", _ARCHIVE),
        (rb"\x28\xb5\x2f\xfd|MSCF|!<arch>|.{257}ustar|xar!", _ARCHIVE),
        (
            _TEXT_START
            + rb"(#EXTM3U|\[playlist\]|\[reference\]|https?://|<(asx|playlist|mpd|smil)\b)",
            _other(
                "This is a playlist, not audio. It contains the address of the audio.", "playlist"
            ),
        ),
        (
            _TEXT_START + rb"<(!doctype html|(" + _TAGS + rb")[\s>])",
            _other("This is a web page, not audio.", "web_page"),
        ),
        (_TEXT_START + rb"<svg\b", _IMAGE),
        (rb"(\xef\xbb\xbf)?\s*(<\?xml.{20}|<rss|[{\[]\s*[\"{\[])", _TEXT),
        (
            rb"MZ|\x7fELF|\xca\xfe\xba\xbe|[\xce\xcf]\xfa\xed\xfe|\0asm|#!/|[CFZ]WS[\x01-\x40]",
            _PROGRAM,
        ),
        (rb"SQLite format 3\0", _other("This is a database, not audio.")),
        (rb"wOF[F2]|OTTO|\0\x01\0\0\0", _other("This is a font, not audio.")),
    )
)
# How a track of video shows in containers that are refused anyway.
_VIDEO = re.compile(
    rb"RIFF.{4}AVI .*strh.{4}vids"
    rb"|FLV\x01[\x01\x05]"
    rb"|\x30\x26\xb2\x75\x8e\x66\xcf\x11.*\xc0\xef\x19\xbc\x4d\x5b\xcf\x11\xa8\xfd"
    rb"|\0\0\x01(\xb3|\xba.*\0\0\x01[\xe0-\xef])",
    re.DOTALL,
)
# Brands of ISO media (ISO/IEC 23008-12)
_IMAGE_BRANDS = re.compile(rb".{4}ftyp(avif|hei[cmsx]|hev[cmsx]|mif1|jxl |crx )", re.DOTALL)


def refused_type(reader: Reader, start: int) -> Refusal | None:
    """Return why a file that begins like this is refused, or None if it may be audio."""
    for length in LOOKS:
        head = reader.at(start, length)
        for signature, refusal in _SIGNATURES:
            if signature.match(head):
                has_video = refusal in _CONTAINERS and _VIDEO.match(reader.at(start, VIDEO_BYTES))
                return VIDEO if has_video else refusal
    return None


def refused_text(reader: Reader, start: int) -> Refusal | None:
    """Return the refusal of text without a signature, or None if there are binary data."""
    head = reader.at(start, LOOKS[-1])
    is_text = _ONLY_TEXT.fullmatch(head) and 2 * len(_ASCII.findall(head)) > len(head)
    return _TEXT if is_text or _UTF_16.match(head) else None


def refused_image(head: bytes) -> Refusal | None:
    """Return the refusal of ISO media whose first 12 bytes name a brand of images, or None."""
    return _IMAGE if _IMAGE_BRANDS.match(head) else None
