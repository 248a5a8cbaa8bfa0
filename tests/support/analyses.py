"""Clips whose audio is analysed, with rows as a worker writes them."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from library.api.serializers import AudioSerializer
from library.models import AudioAnalysis, Clip
from library.sound import engine
from library.sound.analysis import Analysis
from tests.sound.temporary import temporary

SAMPLES = Path(__file__).parents[2] / "fixtures" / "audio"
SAMPLE = "ambient-sounds.mp3"
NAMES: tuple[str, ...] = tuple(AudioSerializer().fields)


@cache
def analysis_of(audio: bytes, content_type: str) -> Analysis:
    """Analyse audio in the decoder's process, each content once."""
    with temporary(audio) as file:
        found = engine.analyse(file, content_type)
    assert isinstance(found, Analysis)
    return found


def analysed(
    clip: Clip, audio: bytes | None = None, content_type: str = "audio/mpeg", **values: Any
) -> AudioAnalysis:
    """Store the analysis of a clip, by default of the sample that `recipes` names."""
    audio = (SAMPLES / SAMPLE).read_bytes() if audio is None else audio
    found = analysis_of(audio, content_type)
    digest = hashlib.sha256(audio).hexdigest()
    etag = f'"{digest[:32]}"'
    facts: dict[str, Any] = {name: getattr(found, name, None) for name in NAMES}
    gain = {str(target): found.gain_to(target) for target in (-14, -18)}
    Clip.objects.filter(pk=clip.pk).update(audio=facts | {"etag": etag, "gain": gain})
    stored = {
        "source": clip.audio_url or str(clip.audio_file),
        "audio_etag": etag,
        "sha256": digest,
        "failure": None,
        "peaks": found.peaks.to_bytes(),
        "short_term": list(found.short_term),
        "fingerprint": found.fingerprint or None,
    }
    row, _ = AudioAnalysis.objects.update_or_create(clip=clip, defaults=stored | values)
    return row


def not_analysed(clip: Clip, failure: str) -> None:
    """Store that the clip's audio could not be decoded."""
    Clip.objects.filter(pk=clip.pk).update(audio=None)
    AudioAnalysis.objects.update_or_create(
        clip=clip,
        defaults={
            "source": clip.audio_url or str(clip.audio_file),
            "audio_etag": '"damaged"',
            "sha256": "0" * 64,
            "failure": failure,
            "peaks": None,
            "short_term": None,
            "fingerprint": None,
        },
    )
