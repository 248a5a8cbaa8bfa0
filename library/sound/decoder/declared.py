"""What a file declares about its own end, where FFmpeg does not report it."""

import os
import struct
from typing import BinaryIO

from library.sound.formats import Format

VBR_TAGS = (b"Xing", b"Info", b"VBRI")  # in the first frame of MP3, with the number of frames
TAG_BYTES = 4096  # of the beginning of MP3, after ID3, that are searched for one
MOST_SURPLUS = 1.1  # times the bytes that the tag counts
MOST_CHUNKS = 64  # of WAV before its data
UNKNOWN_SIZE = 0x7FFF_0000  # streaming encoders write a size from here on, or 0
LAST_BYTES = 65_536  # longer than any page of Ogg
END_OF_STREAM = 0x04  # flag of an Ogg page, RFC 3533


def has_length(file: BinaryIO, form: Format) -> bool:
    """Return whether the headers declare the duration. Otherwise FFmpeg estimates it."""
    if form.container == "mp3":
        return _mp3_has_length(file)
    return form.container not in ("aac", "ogg")


def is_cut(file: BinaryIO, form: Format) -> bool:
    """Return whether WAV or Ogg obviously continued after the end of the file."""
    if form.container == "wav":
        return _wav_is_cut(file)
    return form.container == "ogg" and _ogg_is_cut(file)


def _mp3_has_length(file: BinaryIO) -> bool:
    file.seek(0)
    head = file.read(10)
    is_id3 = head[:3] == b"ID3" and len(head) == 10
    size = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False))
    first_frame = file.seek(10 + size if is_id3 else 0)
    start = file.read(TAG_BYTES)
    length = file.seek(0, os.SEEK_END) - first_frame
    for tag in VBR_TAGS:
        position = start.find(tag)
        if position >= 0:
            return tag == b"VBRI" or not _is_joined(start[position + 4 : position + 16], length)
    return False


def _is_joined(tag: bytes, length: int) -> bool:
    """Return whether much more follows than a Xing tag counts: other MP3 files, joined to it."""
    if len(tag) < 12:
        return False
    flags, frames, size = struct.unpack(">III", tag)
    counted = size if flags & 1 else frames
    return bool(flags & 2 and length > counted * MOST_SURPLUS + TAG_BYTES)


def _wav_is_cut(file: BinaryIO) -> bool:
    """Compare the size of the data chunk with the file. RF64 declares it elsewhere."""
    end = file.seek(0, os.SEEK_END)
    file.seek(12)
    for _ in range(MOST_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            return False
        name, size = struct.unpack("<4sI", header)
        if name == b"data":
            return bool(size < UNKNOWN_SIZE and file.tell() + size > end)
        file.seek(size + size % 2, os.SEEK_CUR)
    return False


def _ogg_is_cut(file: BinaryIO) -> bool:
    """Return whether the last page lacks the mark of the last page."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - LAST_BYTES))
    last = file.read(LAST_BYTES)
    page = last.rfind(b"OggS\0")
    return 0 <= page < len(last) - 5 and not last[page + 5] & END_OF_STREAM
