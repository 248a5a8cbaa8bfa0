"""Fixtures for tests of the audio store."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from harness.origin import await_downloads
from library.audio.download import StoreLimits
from library.audio.freshness import Freshness
from library.audio.origin import OriginClient, OriginLimits
from library.audio.origin_policy import OriginPolicy
from library.audio.store import AudioStore
from tests.audio.stores import MakeStore


@cache
def shared_client() -> OriginClient:
    """Return the client of all stores, because reading the certificates takes long."""
    limits = OriginLimits(1.0, 2.0, 4.0, 1_000_000)
    return OriginClient(OriginPolicy(["127.0.0.1"]), limits, via="test")


@pytest.fixture
def make_store(tmp_path: Path) -> Iterator[MakeStore]:
    """Create instances that share one folder. Their downloads end before the test does."""

    def make(
        freshness: Freshness | None = None, folder: Path = tmp_path / "store", **limits: float
    ) -> AudioStore:
        kept = {"failure_seconds": 0.3, "slot_timeout": 1.0, **limits}
        return AudioStore(folder, shared_client(), freshness, StoreLimits(**kept))  # type: ignore[arg-type]

    yield make
    await_downloads()
