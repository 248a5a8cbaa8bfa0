"""Metrics of the audio store and its disk."""

from pathlib import Path
from typing import Any

import pytest

from harness.waiting import until
from library.probes.store_metrics import StoreMetrics
from tests.probes.samples import values

STORE = "clips_audio_store"


def test_sizes_of_the_store_and_its_disk_are_reported(tmp_path: Path, settings: Any) -> None:
    folder = tmp_path / "not" / "there"
    settings.AUDIO_STORE_DIR, settings.CLIPS_AUDIO_STORE_BYTES = folder, 1000
    store = StoreMetrics()
    until(lambda: values(store).get(f"{STORE}_bytes") == 0)
    folder.mkdir(parents=True)
    for name, size in (("a.1.audio", 10), ("b.2.part", 5), ("a.json", 700), ("b.claim", 0)):
        (folder / name).write_bytes(b"x" * size)
    until(lambda: values(store)[f"{STORE}_bytes"] == 15)
    shown = values(store)
    assert shown[f"{STORE}_limit_bytes"] == 1000
    assert 0 < shown[f"{STORE}_disk_free_bytes"] < shown[f"{STORE}_disk_bytes"]


def test_unreadable_store_is_logged_once(
    tmp_path: Path, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.AUDIO_STORE_DIR = tmp_path / "a file"
    settings.AUDIO_STORE_DIR.touch()
    store = StoreMetrics()
    for _ in range(3):
        until(lambda: values(store) == {})
    assert caplog.text.count("Not a directory") == 1
    settings.AUDIO_STORE_DIR.unlink()
    until(lambda: values(store).get(f"{STORE}_bytes") == 0)
