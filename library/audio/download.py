"""Download an origin's audio into the store, one download at a time for each URL.

Each download runs in its own thread, so it does not depend on one listener or wait for the slowest.
The claim on its entry keeps other threads and processes from downloading the same URL.
"""

import contextlib
import logging
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextvars import copy_context
from dataclasses import dataclass, replace
from email.utils import formatdate, parsedate_to_datetime
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Thread

from library.audio import growth
from library.audio.entry import Entry
from library.audio.errors import CAUSES, AudioUnavailableError
from library.audio.eviction import evict, is_eviction_due, scan
from library.audio.freshness import Freshness
from library.audio.locks import FULL, host_of
from library.audio.memory import Memory
from library.audio.metadata import Metadata
from library.audio.open_audio import OpenAudio, strong_etag
from library.audio.origin import OriginClient
from library.audio.origin_response import CHUNK_BYTES, OriginResponse
from library.audio.parts import DiskPart, Part, Promises
from library.audio.sniff import read_head
from library.audio.turns import Places, turn
from library.telemetry import instruments

logger = logging.getLogger(__name__)

for _code in CAUSES:  # each series starts at 0, so that rates include the first failure
    if _code.startswith("origin_"):
        instruments.origin_request_duration.labels(_code)

ANNOUNCE_SECONDS = 0.05  # between two announcements, so that a crowd of readers sends larger pieces
PROMISED_SHARE = 8  # for announced audio, a process reserves at most an eighth of the store
ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')  # RFC 9110, 8.8.3


@dataclass(frozen=True)
class StoreLimits:
    """The limits of the store."""

    max_bytes: int = 2_000_000_000  # on disk
    memory_bytes: int = 120_000_000  # of one process, for audio that does not fit on a full disk
    per_origin: int = 4  # downloads from one host that begin at once, in all processes (`turns`)
    slot_timeout: float = 10.0  # seconds that a download waits for its turn, and for memory
    failure_seconds: float = 5.0  # for which a failure is remembered
    # Seconds for which a body stays after its last use, even if the store is too large: nginx opens
    # the file after X-Accel-Redirect.
    keep_seconds: float = 0.0
    downloads: int = 256  # of one process, including those that wait for their turn


class Downloader:
    """Downloads audio into the store's folder."""

    def __init__(
        self, folder: Path, client: OriginClient, freshness: Freshness, limits: StoreLimits
    ) -> None:
        self._folder = folder
        self._client = client
        self._freshness = freshness
        self._limits = limits
        self._received = 0  # bytes since the last eviction
        self._places = Places(limits.downloads)
        self._memory = Memory(limits.memory_bytes, limits.slot_timeout)
        self._promises = Promises(limits.max_bytes // PROMISED_SHARE)

    def recent_failure(self, entry: Entry, began: float) -> str | None:
        """Return the code of a failure that is remembered, or that came after `began`, or None."""
        return entry.recent_failure(self._limits.failure_seconds, began)

    def open_in_memory(self, entry: Entry) -> OpenAudio | None:
        """Return audio that this process downloads or has downloaded into memory, or None."""
        return self._memory.open(entry.key, entry.topic)

    def revalidate(self, entry: Entry) -> None:
        """Start a download for a stale copy if possible. The copy is served meanwhile."""
        with contextlib.suppress(AudioUnavailableError, OSError):
            now = time.time()
            if self.recent_failure(entry, now) is None:
                self.start(entry, now)

    def start(self, entry: Entry, began: float) -> bool:
        """Start the download in the background and return whether this call started it.

        Does nothing if a download is in progress or one has ended since `began`. Raises
        AudioUnavailableError if this process has too many in progress or cannot write.
        """
        try:
            claim = self._claim(entry)
        except OSError:
            logger.exception("The audio store cannot write to %s", self._folder)
            instruments.audio_store_write_failures.inc()
            raise AudioUnavailableError("store_unavailable") from None
        if claim is None:
            return False
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, claim)
            # Another download may have ended between the caller's check and the claim.
            if audio := entry.open_current(began) or self.open_in_memory(entry):
                audio.close()
                return False
            if self.recent_failure(entry, began) is not None:
                return False
            if not self._places.take(entry.url):
                raise AudioUnavailableError("origin_busy")
            undo.callback(self._places.give_back, entry.url)
            growth.begin_download(entry.topic)
            undo.callback(growth.end_download, entry.topic)
            # Not a daemon thread: a worker that stops gracefully finishes the download, because
            # other workers' listeners follow it. The thread runs in the context of the request that
            # started it, so log lines and the trace keep the request's ids.
            run, name = copy_context().run, f"fetch {entry.key[:8]}"
            thread = Thread(target=run, args=(self._download, entry, claim), name=name)
            try:
                thread.start()
            except RuntimeError:  # the system allows no further thread
                raise AudioUnavailableError("store_unavailable") from None
            undo.pop_all()
        return True

    def _claim(self, entry: Entry) -> int | None:
        """Claim the download as `Entry.claim` does. On a full disk, only within this process."""
        try:
            return entry.claim()
        except FileNotFoundError:
            self._folder.mkdir(parents=True, exist_ok=True)
            return entry.claim()
        except OSError as error:
            if error.errno not in FULL:
                raise
            in_progress = growth.is_downloading(entry.topic)
            return None if in_progress else os.open(os.devnull, os.O_RDONLY)

    def _download(self, entry: Entry, claim: int) -> None:
        try:
            saved = entry.open_saved()
            if saved is not None:
                saved[1].close()
            stale = saved[0] if saved else None
            limits = self._limits
            with (
                turn(self._folder, entry.url, limits.per_origin, limits.slot_timeout),
                instruments.origin_fetch(),
                self._client.get(entry.url, stale.validators if stale else None) as response,
            ):
                if stale is not None and response.status == 304:
                    fresh_until = self._freshness.fresh_until(response.headers)
                    entry.save(replace(stale, checked_at=time.time(), fresh_until=fresh_until))
                else:
                    self._receive(entry, response)
        except AudioUnavailableError as error:
            host = host_of(entry.url)
            logger.warning(
                "Clip audio not fetched from %s: %s",
                *(host, error.code),
                extra={"origin": host, "code": error.code},
            )
            entry.record_failure(error.code)
        except OSError as error:
            instruments.audio_store_write_failures.inc()
            entry.record_failure("store_unavailable")
            if error.errno in FULL:  # the disk is smaller than max_bytes
                logger.warning("The audio store's disk is full: %s", self._folder)
                self._evict(1)
            else:
                logger.exception("The audio store cannot write to %s", self._folder)
        except Exception:
            logger.exception("Clip audio not fetched from %s", host_of(entry.url))
            entry.record_failure("origin_protocol_error")
        finally:
            try:
                entry.end_announcement()
            finally:
                os.close(claim)
                self._places.give_back(entry.url)
                growth.end_download(entry.topic)
        self._evict_if_due()

    def _receive(self, entry: Entry, response: OriginResponse) -> None:
        """Write the body to the disk, or into memory if the disk has no space for it.

        Raises OSError if there is no space in memory either.
        """
        length, chunks = response.length, response.chunks()
        with contextlib.ExitStack() as parts:
            disk = None
            try:
                disk = DiskPart(entry, length, self._promises, self._evict)
                parts.enter_context(contextlib.closing(disk))
                self._write(entry, response, disk, chunks)
            except OSError as error:
                if error.errno not in FULL:
                    raise
                if disk is not None:
                    # Listeners cannot change to another file. Of unknown length, it has none yet.
                    has_all = disk.file.seek(0, os.SEEK_END) == response.received
                    if length is not None or not has_all:
                        raise
                    disk.file.seek(0)
                    chunks = chain(iter(partial(disk.file.read, CHUNK_BYTES), b""), chunks)
                memory = parts.enter_context(contextlib.closing(self._memory_part(entry, length)))
                self._write(entry, response, memory, chunks)

    def _write(
        self, entry: Entry, response: OriginResponse, part: Part, chunks: Iterator[bytes]
    ) -> None:
        """Write the body to a part, announce it once its type and length are known, save it."""
        chunks = _with_space(part, response.length, chunks)
        content_type = read_head(chunks, part.file)
        metadata = self._metadata(entry.url, response, content_type)
        part.file.flush()
        if response.length is not None:
            part.announce(metadata)
            growth.announce(entry.topic)
        announced = time.monotonic()
        for chunk in chunks:
            part.file.write(chunk)
            part.file.flush()  # readers are waiting for it
            if time.monotonic() - announced >= ANNOUNCE_SECONDS:
                growth.announce(entry.topic)
                announced = time.monotonic()
        growth.announce(entry.topic)  # before the disk has synced the file
        size = part.file.tell()
        part.save(replace(metadata, size=size, checked_at=time.time()))
        self._received += size

    def _memory_part(self, entry: Entry, length: int | None) -> Part:
        part = self._memory.new_part(entry.key, length or 0)
        instruments.audio_store_write_failures.inc()
        logger.warning(
            "The audio store's disk is full: audio from %s is held in memory", host_of(entry.url)
        )
        return part

    def _metadata(self, url: str, response: OriginResponse, content_type: str) -> Metadata:
        """Build the metadata from the response headers: readers need it before the body ends."""
        etag = response.headers.get("ETag", "").strip()
        if not ENTITY_TAG.fullmatch(etag):
            etag = ""
        modified = _http_date(response.headers.get("Last-Modified"))
        validators = {"If-None-Match": etag} if etag else {}
        if modified is not None:
            validators["If-Modified-Since"] = formatdate(modified, usegmt=True)
        strong = etag.startswith('"') and response.length is not None
        version = f"{url} {etag} {response.length}" if strong else secrets.token_hex(16)
        now = int(time.time())
        return Metadata(
            url=url,
            body="",  # the name follows from the part
            size=response.length or 0,
            content_type=content_type,
            etag=strong_etag(version),
            last_modified=min(modified, now) if modified is not None else now,
            checked_at=now,
            fresh_until=self._freshness.fresh_until(response.headers),
            validators=validators,
        )

    def _evict_if_due(self) -> None:
        """Evict audio if a fiftieth of `max_bytes` has arrived or the last eviction is long ago."""
        if self._received >= self._limits.max_bytes / 50 or is_eviction_due(self._folder):
            self._evict()

    def _evict(self, disk_full: int = 0) -> None:
        """Evict audio above the limit.

        If `disk_full` bytes do not fit on the disk, evict these, and at least a tenth of what is
        stored.
        """
        limits = self._limits
        self._received = 0
        try:
            max_bytes = limits.max_bytes
            if disk_full:
                stored = sum(entry.size for entry in scan(self._folder))
                max_bytes = min(max_bytes, stored * 9 // 10, stored - disk_full)
            evict(self._folder, max_bytes, limits.keep_seconds)
        except OSError:
            logger.exception("The audio store cannot evict audio from %s", self._folder)


def _with_space(part: Part, length: int | None, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield chunks. Before each is received, the part has space for it, or raises OSError."""
    size = 0
    while size != length:
        part.grow(size + CHUNK_BYTES if length is None else min(size + CHUNK_BYTES, length))
        chunk = next(chunks, b"")
        if not chunk:
            break
        size += len(chunk)
        yield chunk


def _http_date(value: str | None) -> int | None:
    try:
        return max(0, int(parsedate_to_datetime(value).timestamp())) if value else None
    except (ValueError, OverflowError):
        return None
