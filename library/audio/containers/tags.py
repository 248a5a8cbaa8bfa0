"""Skip the tags in front of audio.

Sources: the ID3v2.4 structure document (sections 3.1 and 3.4), the APEv2 specification.
"""

from library.audio.containers.reader import Reader

ID3_BYTES, APE_BYTES = 10, 32  # of a tag's header
MOST_TAGS = 20  # in a row


def tag_length(head: bytes) -> int:
    """Return the length in bytes of the ID3v2 or APE tag that begins here, or 0."""
    if head[:3] == b"ID3" and len(head) >= ID3_BYTES:
        if head[3] == 0xFF or head[4] == 0xFF or any(byte & 0x80 for byte in head[6:10]):
            return 0
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        footer = ID3_BYTES if head[5] & 0x10 else 0
        return ID3_BYTES + size + footer
    if head[:8] == b"APETAGEX" and len(head) >= 16:
        return APE_BYTES + int.from_bytes(head[12:16], "little")
    return 0


def skip_tags(reader: Reader) -> int:
    """Return where the tags in front of the audio end, which can be past the end of the file."""
    position = 0
    for _ in range(MOST_TAGS):
        length = tag_length(reader.at(position, 16))
        if not length:
            break
        position += length
    return position
