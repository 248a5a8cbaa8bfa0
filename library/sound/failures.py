"""Reasons for which audio cannot be decoded."""

from typing import NamedTuple


class Reason(NamedTuple):
    """A sentence for people, and whether a second attempt at the same bytes can succeed."""

    sentence: str
    retry: bool = False


# By code, a stable word for programs.
REASONS: dict[str, Reason] = {
    "unsupported_type": Reason("Audio of this type cannot be decoded."),
    "unsupported_codec": Reason(
        "The codec is not supported. Convert the audio to MP3, Opus, AAC, FLAC or WAV."
    ),
    "unsupported_layout": Reason(
        "The audio needs 1 to 8 channels and a sample rate from 4 to 192 kHz."
    ),
    "no_audio": Reason("The file contains no audio."),
    "damaged": Reason("The file is damaged: no audio could be decoded from it."),
    "too_long": Reason("The audio is longer than an hour."),
    "beyond_end": Reason("The excerpt starts after the end of the audio."),
    "out_of_memory": Reason("Decoding the file takes more memory than allowed."),
    "out_of_time": Reason("Decoding the file takes more time than allowed."),
    "output_too_large": Reason("The rendition is larger than allowed."),
    "decoder_slow": Reason("Decoding the file took too long on a busy machine.", retry=True),
    "decoder_crashed": Reason("The file made the decoder crash. It is probably damaged."),
    "decoder_killed": Reason("The decoder was stopped from outside.", retry=True),
    "report_invalid": Reason("The decoder returned an invalid result."),
    "audio_changed": Reason("The audio changed while it was analysed.", retry=True),
    "decoder_unavailable": Reason("The decoder could not be started.", retry=True),
    "internal_error": Reason("An unexpected error occurred in this service.", retry=True),
}


class Failure(NamedTuple):
    """The result for audio that could not be decoded. `code` is a key of REASONS."""

    code: str

    @property
    def sentence(self) -> str:
        return REASONS[self.code].sentence

    @property
    def retry(self) -> bool:
        return REASONS[self.code].retry
