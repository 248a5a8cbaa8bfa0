"""The containers and codecs that the decoder may open, by the media type that `sniff` detects."""

from typing import NamedTuple

PCM = (
    *("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"),
    *("pcm_s16be", "pcm_s24be", "pcm_s32be", "pcm_f32be", "pcm_f64be"),
)
LOSSLESS = frozenset({*PCM, "flac", "alac"})


class Format(NamedTuple):
    """A container in FFmpeg's terms. All other demuxers and decoders are refused."""

    container: str  # our name for it
    demuxer: str
    decoders: tuple[str, ...]  # the first one is FFmpeg's choice for its codec


FORMATS = {
    "audio/mpeg": Format("mp3", "mp3", ("mp3float", "mp3", "mp2float", "mp2", "mp1float", "mp1")),
    "audio/ogg": Format("ogg", "ogg", ("vorbis", "opus", "flac", "speex")),
    "audio/mp4": Format(
        "mp4",
        "mov",
        ("aac", "alac", "opus", "flac", "mp3float", "mp3", "mp2float", "vorbis", *PCM),
    ),
    "audio/wav": Format(
        "wav",
        "wav",
        (*PCM, "pcm_alaw", "pcm_mulaw", "adpcm_ms", "adpcm_ima_wav", "mp3float", "mp3"),
    ),
    "audio/flac": Format("flac", "flac", ("flac",)),
    "audio/aac": Format("aac", "aac", ("aac",)),
    "audio/webm": Format("webm", "matroska", ("opus", "vorbis")),
}

# FFmpeg names some decoders after their arithmetic. The codec is the same.
CODECS = {"mp3float": "mp3", "mp2float": "mp2", "mp1float": "mp1"}
