"""Clips whose audio comes from an origin, beside the samples."""

import requests

from benchmarks.monitored.origin import Origin
from benchmarks.monitored.service import Service

TITLES = ("Rainy Window", "Night Bus", "Copper Kettle", "Low Tide", "Paper Planes", "Second Floor")


def add_clips(service: Service, origin: Origin, ours: tuple[int, ...]) -> list[int]:
    """Add clips by the API; returns their ids with those of `ours`, the samples, in between."""
    added = [_add(service, title, f"{origin.url}/{title.replace(' ', '-')}") for title in TITLES]
    return [*added[:3], *ours, *added[3:]]


def add_trouble(service: Service, origin: Origin) -> list[int]:
    """Add a clip whose audio comes slowly, and one whose audio is gone; returns their ids."""
    return [
        _add(service, "Slow Morning", f"{origin.url}/slow/morning"),
        _add(service, "Gone Fishing", f"{origin.url}/gone/fishing"),
    ]


def _add(service: Service, title: str, audio_url: str) -> int:
    clip = {"title": title, "genre": "ambient", "duration": 28.5, "audio_url": audio_url}
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(f"{service.url}/api/v1/clips", json=clip, timeout=10)
        answer.raise_for_status()
        added: int = answer.json()["id"]
        return added
