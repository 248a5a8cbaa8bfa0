"""Ogg: its streams by their first pages, and the duration by the positions of the last ones.

Sources: RFC 3533 (Ogg), RFC 7845 (Opus), RFC 9639 section 10.1 (FLAC), the Vorbis I specification,
RFC 5334 (Skeleton).
"""

from collections.abc import Iterator
from typing import NamedTuple

from library.audio.containers.reader import Reader
from library.audio.containers.results import (
    NO_AUDIO,
    VIDEO,
    Audio,
    Measurement,
    Refusal,
    unplayable,
)

HEADER_BYTES = 27
FIRST = 2  # the flag of a stream's first page
OPUS_RATE = 48_000
LONGEST_PACKET = 65_536  # samples, of FLAC; others are shorter
SEARCHED_BYTES = 65_536  # for the next page behind damage; a page is no longer
MOST_GAPS = 100
PLAYABLE = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC")
VIDEO_CODECS = (b"\x80theora", b"\x01video", b"OVP80", b"BBCD\0", b"KW-DIRAC", b"\x8bJNG")
UNPLAYABLE = {
    b"Speex   ": "Speex",
    b"PCM     ": "OggPCM",
    b"CELT    ": "CELT",
    b"\x01audio": "OGM",
}


class Page(NamedTuple):
    """A page: where its content begins and ends, and the fields of its header."""

    start: int
    end: int
    flags: int
    granule: int  # samples up to the last packet that ends on this page; -1 if none does
    serial: int
    packets: int  # that end on this page
    segments: bytes  # their lengths; a packet ends with one below 255


class Stream:
    """The sound of one link of a chain."""

    def __init__(self, serial: int, rate: int, skipped: int) -> None:
        self.serial = serial
        self.rate = rate
        self.skipped = skipped
        self.first: int | None = None  # position in samples where the sound begins
        self.last = 0

    def add(self, page: Page) -> None:
        """Note the position of a page with sound; the pages of headers are at 0."""
        if page.granule <= 0:
            return
        if self.first is None:
            # A recording of live radio begins at a high position.
            longest = page.packets * LONGEST_PACKET
            self.first = page.granule if page.granule > longest + self.skipped else 0
        self.last = max(self.last, page.granule)

    @property
    def seconds(self) -> float:
        begin = self.first or 0
        return max(0.0, (self.last - (begin or self.skipped)) / self.rate)


def recognize_ogg(reader: Reader, start: int) -> Audio | Refusal:
    """Judge a file by the first pages of all its streams, which precede all others."""
    heads = []
    for page in pages(reader, start):
        if not page.flags & FIRST:
            break
        heads.append(reader.at(page.start, min(page.end - page.start, 16)))
        if heads[-1].startswith(VIDEO_CODECS):
            return VIDEO
    if any(head.startswith(PLAYABLE) for head in heads):
        return Audio("audio/ogg", start)
    names = [name for head in heads for mark, name in UNPLAYABLE.items() if head.startswith(mark)]
    return unplayable(names[0]) if names else NO_AUDIO


def pages(reader: Reader, position: int) -> Iterator[Page]:
    """Yield the pages from `position` on, past damage."""
    gaps = 0
    while True:
        header = reader.at(position, HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            return
        if header[:4] != b"OggS":
            gaps += 1
            offset = reader.at(position, SEARCHED_BYTES).find(b"OggS")
            if offset < 0 or gaps > MOST_GAPS:
                return
            position += offset
            continue
        segments = reader.at(position + HEADER_BYTES, header[26])
        start = position + HEADER_BYTES + len(segments)
        position = start + sum(segments)
        yield Page(
            start=start,
            end=position,
            flags=header[5],
            granule=int.from_bytes(header[6:14], "little", signed=True),
            serial=int.from_bytes(header[14:18], "little"),
            packets=sum(segment < 255 for segment in segments),
            segments=segments,
        )


def measure_ogg(reader: Reader, start: int) -> Measurement:
    """Add up the links of a chain. Raises LookupError if there is no sound."""
    links: list[Stream] = []
    heads: list[Stream] = []  # of the current link
    cut = False
    for page in pages(reader, start):
        if page.end > reader.size:
            cut = True
            break
        if page.flags & FIRST:
            stream = _stream(reader, page)
            if stream and not heads:  # players present the first sound of several
                links.append(stream)
            if stream:
                heads.append(stream)
            continue
        heads.clear()
        if links and page.serial == links[-1].serial:
            links[-1].add(page)
    if not links:
        raise LookupError("no sound")
    return Measurement(sum(link.seconds for link in links), cut=cut)


def _stream(reader: Reader, page: Page) -> Stream | None:
    """Return the stream of sound that begins on a page, or None."""
    head = reader.at(page.start, min(page.end - page.start, 64))
    if head.startswith(b"OpusHead"):
        return Stream(page.serial, OPUS_RATE, int.from_bytes(head[10:12], "little"))
    if head.startswith(b"\x7fFLAC"):
        return Stream(page.serial, int.from_bytes(head[27:30]) >> 4, 0)
    if head.startswith(b"\x01vorbis"):
        return Stream(page.serial, int.from_bytes(head[12:16], "little"), 0)
    return None
