"""The facts of an analysis, as pages show them to people."""

from library.analyses.facts import Facts

_CODECS = {
    "aac": "AAC",
    "alac": "Apple Lossless",
    "flac": "FLAC",
    "mp3": "MP3",
    "opus": "Opus",
    "vorbis": "Vorbis",
}


def fact_rows(facts: Facts) -> list[tuple[str, str]]:
    """Return the labels and values that both the public and editors see."""
    loudness = _measured(facts["loudness"], "LUFS")
    if facts["loudness_range"] is not None:
        loudness += f", range {facts['loudness_range']:.1f} LU"
    return [
        ("Codec", f"{_codec(facts)}, {'lossless' if facts['lossless'] else 'lossy'}"),
        ("Sample rate", f"{facts['sample_rate']:,} Hz, {_channels(facts['channels'])}"),
        ("Bit rate", f"{facts['bit_rate'] / 1000:,.0f} kbit/s"),
        ("Measured duration", f"{facts['duration']:.2f} s"),
        ("Loudness", loudness),
        ("True peak", _measured(facts["true_peak"], "dBTP")),
    ]


def _codec(facts: Facts) -> str:
    codec, container = str(facts["codec"]), str(facts["container"])
    name = _CODECS.get(codec, codec)
    return name if codec == container else f"{name} in {container.upper()}"


def _measured(value: float | None, unit: str) -> str:
    return "not measurable" if value is None else f"{value:.1f} {unit}"


def _channels(number: int) -> str:
    return {1: "mono", 2: "stereo"}.get(number, f"{number} channels")
