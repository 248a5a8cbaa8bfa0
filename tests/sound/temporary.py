"""Temporary files."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast


@contextmanager
def temporary(data: bytes = b"") -> Iterator[BinaryIO]:
    """Yield a file with this content, open for reading and writing."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        yield cast(BinaryIO, file)
