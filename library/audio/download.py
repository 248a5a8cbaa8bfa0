"""Downloads: an origin's audio into the store's files, one at a time for each URL.

A download runs in a thread of its own, so that it neither depends on one listener nor waits for
the slowest; the claim on its entry keeps all other threads and processes from doing the same.
"""

import contextlib
import errno
import logging
import os
import re
import secrets
import time
from contextvars import copy_context
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from threading import BoundedSemaphore, Thread

from library.audio.entry import Entry, Metadata, sync_folder
from library.audio.errors import CAUSES, AudioUnavailableError
from library.audio.eviction import evict, is_due, scan
from library.audio.freshness import Freshness
from library.audio.open_audio import strong_etag
from library.audio.origin import OriginAnswer, OriginClient
from library.audio.origin_slots import host_of, turn
from library.audio.sniff import read_head
from library.telemetry import instruments

logger = logging.getLogger(__name__)

for _code in CAUSES:  # so that rates see the first failure of each kind
    if _code.startswith("origin_"):
        instruments.origin_request_duration.labels(_code)

ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')  # RFC 9110, 8.8.3


@dataclass(frozen=True)
class StoreLimits:
    """What the store allows itself.

    `max_bytes` of disk; `per_origin` downloads at once from one origin host, for which others wait
    `turn_seconds`; `failure_seconds` for which a failure is remembered; `keep_seconds` for which
    a body that was just used stays although there is no room (X-Accel-Redirect opens it later).
    One process has at most `downloads` under way, those that wait for their turn included.
    """

    max_bytes: int = 2_000_000_000
    per_origin: int = 4
    turn_seconds: float = 10.0
    failure_seconds: float = 5.0
    keep_seconds: float = 0.0
    downloads: int = 128


class Downloader:
    """Downloads into a store's folder."""

    def __init__(
        self, folder: Path, client: OriginClient, freshness: Freshness, limits: StoreLimits
    ) -> None:
        """The folder is made with the first download."""
        self._folder = folder
        self._client = client
        self._freshness = freshness
        self._limits = limits
        self._received = 0  # bytes since the last eviction
        self._places = BoundedSemaphore(limits.downloads)

    def start(self, entry: Entry, began: float) -> bool:
        """Start the download in the background, unless somebody does, or has since `began`.

        Raises AudioUnavailableError if this process has too many under way, or cannot write.
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
            if self._is_settled(entry, began):
                return False
            if not self._places.acquire(blocking=False):
                raise AudioUnavailableError("origin_busy")
            undo.callback(self._places.release)
            # No daemon: a worker that stops gracefully lets other workers' listeners have the rest.
            # In the context of the request that began it: its log lines and its trace go on there.
            Thread(
                target=copy_context().run,
                args=(self._download, entry, claim),
                name=f"fetch {entry.key[:8]}",
            ).start()
            undo.pop_all()
        return True

    def _claim(self, entry: Entry) -> int | None:
        try:
            return entry.claim()
        except FileNotFoundError:
            self._folder.mkdir(parents=True, exist_ok=True)
            return entry.claim()

    def _is_settled(self, entry: Entry, began: float) -> bool:
        """Whether another download ended, well or not, between the look and the claim."""
        arrived = entry.open_current(began)
        if arrived is not None:
            arrived.file.close()
        return arrived is not None or entry.failure(self._limits.failure_seconds) is not None

    def _download(self, entry: Entry, claim: int) -> None:
        """Fetch the audio into the store, or note why not, then give the claim back."""
        try:
            saved = entry.open_saved()
            if saved is not None:
                saved[1].file.close()
            stale = saved[0] if saved else None
            with (
                turn(self._folder, entry.url, self._limits.per_origin, self._limits.turn_seconds),
                instruments.origin_fetch(),
                self._client.get(entry.url, stale.validators if stale else None) as answer,
            ):
                if stale is not None and answer.status == 304:
                    fresh_until = self._freshness.fresh_until(answer.headers)
                    entry.save(replace(stale, checked_at=time.time(), fresh_until=fresh_until))
                else:
                    self._receive(entry, answer)
        except AudioUnavailableError as error:
            host = host_of(entry.url)
            logger.warning(
                "Clip audio not fetched from %s: %s",
                *(host, error.code),
                extra={"origin": host, "code": error.code},
            )
            entry.fail(error.code)
        except OSError as error:
            logger.exception("The audio store cannot write to %s", self._folder)
            instruments.audio_store_write_failures.inc()
            entry.fail("store_unavailable")
            if error.errno == errno.ENOSPC:  # the disk is smaller than the store may be
                self._make_room(full=True)
        except Exception:
            logger.exception("Clip audio not fetched from %s", host_of(entry.url))
            entry.fail("origin_protocol_error")
        finally:
            try:
                entry.withdraw()
            finally:
                os.close(claim)
                self._places.release()
        self._make_room()

    def _receive(self, entry: Entry, answer: OriginAnswer) -> None:
        """Write the body to a part, announce it once its type and length are known, save it."""
        chunks = answer.chunks()
        head, content_type = read_head(chunks)
        with entry.new_part() as part:
            path = Path(part.name)
            metadata = self._describe(entry.url, answer, path.name, content_type)
            part.write(head)
            part.flush()
            if answer.length is not None:
                entry.announce(metadata)
            try:
                for chunk in chunks:
                    part.write(chunk)
                    part.flush()  # its readers wait for it
                size = part.tell()
                os.fsync(part.fileno())
                body = path.with_suffix(".audio")
                path.rename(body)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            sync_folder(self._folder)
            entry.save(replace(metadata, body=body.name, size=size, checked_at=time.time()))
            self._received += size

    def _describe(self, url: str, answer: OriginAnswer, part: str, content_type: str) -> Metadata:
        """The metadata, as far as the answer's head tells: they must hold before the body ends."""
        etag = answer.headers.get("ETag", "").strip()
        if not ENTITY_TAG.fullmatch(etag):
            etag = ""
        modified = _http_date(answer.headers.get("Last-Modified"))
        validators = {"If-None-Match": etag} if etag else {}
        if modified is not None:
            validators["If-Modified-Since"] = answer.headers["Last-Modified"]
        strong = etag.startswith('"') and answer.length is not None
        version = f"{url} {etag} {answer.length}" if strong else secrets.token_hex(16)
        now = int(time.time())
        return Metadata(
            url=url,
            body=part,
            size=answer.length or 0,
            content_type=content_type,
            etag=strong_etag(version),
            last_modified=min(modified, now) if modified is not None else now,
            checked_at=now,
            fresh_until=self._freshness.fresh_until(answer.headers),
            validators=validators,
        )

    def _make_room(self, *, full: bool = False) -> None:
        """Keep to the bound on disk, looked after once a fiftieth of it has come in, or in a while.

        If the disk is full, the bound is nine tenths of what is there.
        """
        limits = self._limits
        if not full and self._received < limits.max_bytes / 50 and not is_due(self._folder):
            return
        self._received = 0
        try:
            bound = limits.max_bytes
            if full:
                bound = min(bound, sum(entry.size for entry in scan(self._folder)) * 9 // 10)
            evict(self._folder, bound, limits.keep_seconds)
        except OSError:
            logger.exception("The audio store cannot be tidied in %s", self._folder)


def _http_date(value: str | None) -> int | None:
    try:
        return int(parsedate_to_datetime(value).timestamp()) if value else None
    except (ValueError, OverflowError):
        return None
