"""Reads an untrusted file as a stream of frames of one format.

FFmpeg opens nothing itself: it reads an open file through Python, with one demuxer and the decoders
that `formats` lists for it, in this thread.
"""

from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO, NoReturn

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream

from library.sound.decoder import declared
from library.sound.decoder.frames import SAMPLE_FORMAT, frame_of, samples_of
from library.sound.formats import CODECS, Format
from library.sound.limits import LONGEST, MOST_CHANNELS, SAMPLE_RATES

MOST_ERRORS = 10_000  # damaged packets; a file with more is not decoded further
# Times full scale. Larger values are errors: of PCM in floating point (+24 dBFS), and of damaged
# packets of lossy codecs (+12 dBFS), which would otherwise decide the loudness of the whole.
LOUDEST_PCM, LOUDEST_DECODED = 16.0, 4.0
MOST_PADDING = 4096  # samples that an encoder adds at the end of MP4; FFmpeg does not remove them

OPTIONS = {
    "protocol_whitelist": "none",
    "enable_drefs": "0",  # references of MP4 to other files
    "use_absolute_path": "0",
    "ignore_chapters": "1",
    "max_streams": "32",
    "probesize": "2000000",  # bytes, and microseconds, that are read to detect the codec
    "analyzeduration": "2000000",
    "threads": "1",
}


class RefusedError(Exception):
    """The file cannot be decoded. `code` is a key of `failures.REASONS`."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class Source:
    """The first audio stream of a file, decoded once. `frames` fills the counters.

    All frames have the sample rate and the channels of the first one: a stream that changes them
    is converted.
    """

    sample_rate = 0  # Hz
    channels = 0
    layout = ""  # FFmpeg's name of the channels and their order
    samples = 0  # decoded so far, per channel
    payload = 0  # bytes of packets that could be decoded
    errors = 0  # packets that could not be decoded
    lost = 0  # bytes of these, and between packets, where the demuxer has found none
    _end = 0  # offset after the last packet

    def __init__(self, file: BinaryIO, form: Format) -> None:
        """Decode the first frame. Raises RefusedError and av.FFmpegError."""
        has_length, self.is_cut = declared.has_length(file, form), declared.is_cut(file, form)
        file.seek(0)
        options = OPTIONS | {
            "format_whitelist": form.demuxer,
            "codec_whitelist": ",".join(form.decoders),
        }
        self._container = av.open(
            file, "r", form.demuxer, options, metadata_errors="ignore", io_open=_refuse_to_open
        )
        if not self._container.streams.audio:
            raise RefusedError("no_audio")
        self._stream: AudioStream = self._container.streams.audio[0]
        context = self._stream.codec_context
        if context is None or context.name not in form.decoders:
            raise RefusedError("unsupported_codec")
        context.thread_count = 1
        self.codec = CODECS.get(context.name, context.name)
        self._loudest = LOUDEST_PCM if self.codec.startswith("pcm_f") else LOUDEST_DECODED
        self._has_padding = form.container == "mp4"
        self.promised = self._promised_duration() if has_length else None
        if context.sample_rate and context.sample_rate < SAMPLE_RATES[0]:
            raise RefusedError("unsupported_layout")
        if self.promised and self.promised > LONGEST:
            raise RefusedError("too_long")
        self._rest = self._without_padding(self._converted())
        try:
            self._first = next(self._rest)
        except StopIteration:
            raise RefusedError("damaged") from None

    @property
    def duration(self) -> float:
        """Return the seconds decoded so far."""
        return self.samples / self.sample_rate

    def frames(self) -> Iterator[AudioFrame]:
        """Yield all frames, once, as 32-bit floats. Raises RefusedError if there are too many."""
        for frame in chain((self._first,), self._rest):
            self.samples += frame.samples
            if self.samples > LONGEST * self.sample_rate:
                raise RefusedError("too_long")
            yield _plausible(frame, self._loudest)

    def _without_padding(self, frames: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
        """Cut MP4 at the end of its edit list, unless much more follows: then the list is wrong."""
        if not self._has_padding or not self.promised:
            yield from frames
            return
        late: list[AudioFrame] = []
        surplus = position = 0
        for frame in frames:
            position += frame.samples
            surplus = position - round(self.promised * self.sample_rate)
            late.append(frame)
            if not 0 < surplus <= MOST_PADDING:
                yield from late
                late.clear()
        keep = sum(frame.samples for frame in late) - surplus
        for frame in late:
            if keep > 0:
                samples = samples_of(frame)[:, :keep]
                yield frame_of(samples, frame.layout.name, frame.sample_rate)
            keep -= frame.samples

    def _converted(self) -> Iterator[AudioFrame]:
        """Yield frames of 32-bit floats, in the sample rate and channels of the first one."""
        converter: AudioResampler | None = None
        form: tuple[str, str, int] | None = None
        for frame in self._decoded():
            key = (frame.format.name, frame.layout.name, frame.sample_rate)
            if converter is None or form != key:
                if converter:
                    yield from _flushed(converter)
                converter, form = self._converter(frame), key
            frame.pts = None
            yield from converter.resample(frame)
        if converter:
            yield from _flushed(converter)

    def _decoded(self) -> Iterator[AudioFrame]:
        """Yield the decoder's frames. Skip damaged packets, as players do."""
        packets = self._container.demux(self._stream)
        while self.errors < MOST_ERRORS:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except MemoryError:
                raise
            except av.FFmpegError:
                self.errors += 1
                break
            self.payload += packet.size
            if packet.pos is not None:
                self.lost += max(0, packet.pos - self._end) if self._end else 0
                self._end = packet.pos + packet.size
            yield from self._decode(packet)
        yield from self._decode(None)

    def _decode(self, packet: "av.Packet[AudioStream] | None") -> list[AudioFrame]:
        try:
            return self._stream.codec_context.decode(packet)
        except (MemoryError, EOFError):
            if packet is None:
                return []
            raise
        except av.FFmpegError:
            self.errors += 1
            if packet is not None:
                self.lost += packet.size
                self.payload -= packet.size
            return []

    def _converter(self, frame: AudioFrame) -> AudioResampler:
        channels = frame.layout.nb_channels
        lowest, highest = SAMPLE_RATES
        if not 1 <= channels <= MOST_CHANNELS or not lowest <= frame.sample_rate <= highest:
            raise RefusedError("unsupported_layout")
        if not self.sample_rate:
            self.sample_rate, self.channels = frame.sample_rate, channels
            self.layout = frame.layout.name
        return AudioResampler(SAMPLE_FORMAT, self.layout, self.sample_rate)

    def _promised_duration(self) -> float | None:
        stream = self._stream
        if stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        length = self._container.duration
        return length / av.time_base if length else None


def _refuse_to_open(*_: object, **__: object) -> NoReturn:
    raise PermissionError("The decoder opens no files")


def _flushed(converter: AudioResampler) -> list[AudioFrame]:
    return [frame for frame in converter.resample(None) if frame]  # None if it converts nothing


def _plausible(frame: AudioFrame, loudest: float) -> AudioFrame:
    """Replace infinities, NaNs and absurd values."""
    samples = samples_of(frame)
    if np.abs(samples).max(initial=0.0) <= loudest:  # not if there is a NaN
        return frame
    samples = np.nan_to_num(samples, nan=0.0, posinf=loudest, neginf=-loudest)
    return frame_of(samples.clip(-loudest, loudest), frame.layout.name, frame.sample_rate)
