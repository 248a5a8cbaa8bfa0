"""Fixtures for tests of the audio store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.origin import await_downloads
from library.audio.download import StoreLimits
from library.audio.freshness import Freshness
from library.audio.origin import OriginClient, OriginLimits
from library.audio.origin_policy import OriginPolicy
from library.audio.store import AudioStore
from tests.audio.stores import MakeStore


@pytest.fixture
def make_store(tmp_path: Path) -> Iterator[MakeStore]:
    """Create instances that share one folder. Their downloads end before the test does."""

    def make(
        freshness: Freshness | None = None, folder: Path = tmp_path / "store", **limits: float
    ) -> AudioStore:
        client = OriginClient(
            OriginPolicy(["127.0.0.1"]), OriginLimits(1.0, 2.0, 4.0, 1_000_000), via="test"
        )
        kept = {"failure_seconds": 0.3, "slot_timeout": 1.0, **limits}
        return AudioStore(folder, client, freshness, StoreLimits(**kept))  # type: ignore[arg-type]

    yield make
    await_downloads()
