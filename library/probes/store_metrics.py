"""What this machine's audio store holds, and the disk below it."""

import logging
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from library.audio.eviction import stored_bytes
from library.probes.background_probe import NoAnswerError, Question

logger = logging.getLogger(__name__)

KEPT_FOR = 100  # times as long as counting took: ten thousand bodies take a tenth of a second
PATIENCE = 0.02  # seconds, once something is known: a disk may hang like a database
FIRST_PATIENCE = 0.5


class StoreMetrics(Collector):
    """Tells what the store takes and may take."""

    def __init__(self) -> None:
        self._question = Question(self._look, "metrics of the audio store")
        self._known: dict[str, int] = {}
        self._stored, self._good_until = 0, float("-inf")
        self._failed = False

    def collect(self) -> Iterator[Metric]:
        """The gauges; those that the disk does not tell in time are the last it told."""
        patience = PATIENCE if self._known else FIRST_PATIENCE
        try:
            self._question.await_answer(self._question.begin(), patience)
        except NoAnswerError as error:
            if error.__cause__ is not None:
                self._known = {}
                if not self._failed:
                    logger.warning("The audio store cannot be looked at: %s", error.__cause__)
                self._failed = True
        else:
            self._failed = False
        for name, help_text in (
            ("bytes", "Bytes of the bodies in this machine's audio store."),
            ("limit_bytes", "Bytes that the audio store may take (CLIPS_AUDIO_STORE_BYTES)."),
            ("disk_free_bytes", "Bytes free on the disk below the audio store."),
            ("disk_bytes", "Size of the disk below the audio store."),
        ):
            if name in self._known:
                yield GaugeMetricFamily(
                    f"clips_audio_store_{name}", help_text, value=self._known[name]
                )

    def _look(self) -> None:
        folder: Path = settings.AUDIO_STORE_DIR
        there = next(place for place in (folder, *folder.parents) if place.exists())
        disk = shutil.disk_usage(there)
        began = time.monotonic()
        if began > self._good_until:
            self._stored = stored_bytes(folder)
            self._good_until = began + KEPT_FOR * (time.monotonic() - began)
        self._known = {
            "bytes": self._stored,
            "limit_bytes": settings.CLIPS_AUDIO_STORE_BYTES,
            "disk_free_bytes": disk.free,
            "disk_bytes": disk.total,
        }
