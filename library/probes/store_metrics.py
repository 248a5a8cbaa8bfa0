"""The size of this machine's audio store and its disk."""

import logging
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from library.audio.eviction import stored_bytes
from library.probes.background_probe import BackgroundProbe, NoResultError

logger = logging.getLogger(__name__)

# Counting ten thousand bodies takes a tenth of a second. The total is kept for a hundred times as
# long as counting took.
CACHE_FACTOR = 100
TIMEOUT = 0.02  # seconds: a disk can hang
FIRST_TIMEOUT = 0.5  # while no values are known


class StoreMetrics(Collector):
    """Reports the store's size and limit, and its disk's size and free space."""

    def __init__(self) -> None:
        self._probe = BackgroundProbe(self._measure, "metrics of the audio store")
        self._values: dict[str, int] = {}
        self._stored, self._expires_at = 0, float("-inf")
        self._failed = False

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges. If the disk does not respond in time, yield the previous values."""
        timeout = TIMEOUT if self._values else FIRST_TIMEOUT
        try:
            self._probe.wait(self._probe.request(), timeout)
        except NoResultError as error:
            if error.__cause__ is not None:
                self._values = {}
                if not self._failed:
                    logger.warning("The audio store cannot be read: %s", error.__cause__)
                self._failed = True
        else:
            self._failed = False
        for name, help_text in (
            ("bytes", "Size of the audio in this machine's audio store."),
            ("limit_bytes", "Maximum size of the audio store (CLIPS_AUDIO_STORE_BYTES)."),
            ("disk_free_bytes", "Free bytes on the disk of the audio store."),
            ("disk_bytes", "Size of the disk of the audio store."),
        ):
            if (value := self._values.get(name)) is not None:
                yield GaugeMetricFamily(f"clips_audio_store_{name}", help_text, value=value)

    def _measure(self) -> None:
        folder: Path = settings.AUDIO_STORE_DIR
        existing = next(place for place in (folder, *folder.parents) if place.exists())
        disk = shutil.disk_usage(existing)
        began = time.monotonic()
        if began > self._expires_at:
            self._stored = stored_bytes(folder)
            self._expires_at = began + CACHE_FACTOR * (time.monotonic() - began)
        self._values = {
            "bytes": self._stored,
            "limit_bytes": settings.CLIPS_AUDIO_STORE_BYTES,
            "disk_free_bytes": disk.free,
            "disk_bytes": disk.total,
        }
