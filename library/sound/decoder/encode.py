"""Makes renditions: decodes, cuts, fades, changes the gain, encodes, and measures the result."""

import io
import os
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.filter import Graph

from library.sound.decoder.frames import SAMPLE_FORMAT
from library.sound.decoder.meter import Meter
from library.sound.decoder.source import RefusedError, Source
from library.sound.formats import FORMATS, Format
from library.sound.loudness import TRUE_PEAK_LIMIT, gain_to
from library.sound.rendition import ENCODINGS, Encoding, Rendition

CLOSE_ENOUGH = 0.1  # dB from the target
ATTEMPTS_TO_REACH_TARGET = 3  # encoding changes loudness and true peak a little
MOST_ATTEMPTS = 10  # to stay below the limit of the true peak
MARGIN = 0.05  # dB below the limit at the next attempt, more at every further one
# Bytes reserved for MP4's index at the front of the file: an index takes 4 for each packet.
INDEX_BYTES, INDEX_BYTES_PER_PACKET = 4096, 8


def render(file: BinaryIO, form: Format, output: int, rendition: Rendition) -> dict[str, Any]:
    """Write a rendition to the descriptor `output` and return the report for `Rendered`.

    Raises RefusedError, av.FFmpegError, and OSError (EFBIG).
    """
    excerpt = Excerpt(file.fileno(), form, rendition)
    gain, attempt = excerpt.gain, 1
    while True:
        _encode(excerpt, gain, output)
        result = _measured(output, excerpt.encoding)
        change = _change(rendition.target, result, attempt)
        if not change or attempt == MOST_ATTEMPTS:
            return {**result, "gain": round(gain, 2), "size": os.fstat(output).st_size}
        gain, attempt = gain + change, attempt + 1


class Excerpt:
    """A part of a source, in the sample rate and channels of the rendition."""

    sample_rate = 0  # Hz
    layout = ""

    def __init__(self, descriptor: int, form: Format, rendition: Rendition) -> None:
        """Decode it once to find its length and gain. Raises RefusedError."""
        self._descriptor, self._form, self._rendition = descriptor, form, rendition
        self.encoding = ENCODINGS[rendition.format]
        self.samples = 0
        self.gain = 0.0  # dB
        meter = None
        for frame in self._frames([]):
            self.samples += frame.samples
            if rendition.target is not None:
                meter = meter or Meter(self.sample_rate, self.layout)
                meter.add(frame)
        if not self.samples:
            raise RefusedError("beyond_end")
        if meter and rendition.target is not None:
            meter.finish()
            self.gain = gain_to(rendition.target, meter.loudness, meter.true_peak) or 0.0

    @property
    def bit_rate(self) -> int:
        """Return the bit rate in bit/s."""
        is_low = self._rendition.quality == "low"
        rate = self.encoding.low if is_low else self.encoding.high
        return rate // 2 if self.layout == "mono" else rate

    def frames(self, gain: float) -> Iterator[AudioFrame]:
        """Yield the excerpt with its fades and a gain in dB."""
        # A short excerpt at the end of the audio may have less room for the fades.
        seconds = self.samples / self.sample_rate
        scale = min(1.0, seconds / max(self._rendition.fade_in + self._rendition.fade_out, 1e-9))
        fade_in, fade_out = (
            round(fade * scale * self.sample_rate)
            for fade in (self._rendition.fade_in, self._rendition.fade_out)
        )
        filters = [("volume", f"volume={gain:.3f}dB:precision=float")]
        if fade_in:
            filters.append(("afade", f"type=in:start_sample=0:nb_samples={fade_in}"))
        if fade_out:
            start = self.samples - fade_out
            filters.append(("afade", f"type=out:start_sample={start}:nb_samples={fade_out}"))
        return self._frames(filters)

    def _frames(self, filters: list[tuple[str, str]]) -> Iterator[AudioFrame]:
        """Decode as far as the end of the excerpt."""
        with io.FileIO(self._descriptor, closefd=False) as file:
            file.seek(0)
            source = Source(cast(BinaryIO, file), self._form)
            filter_chain = self._chain(source, filters)
            for frame in source.frames():
                yield from filter_chain.push(frame)
                if filter_chain.has_ended:
                    return
            yield from filter_chain.push(None)

    def _chain(self, source: Source, filters: list[tuple[str, str]]) -> "_Chain":
        rates = self.encoding.sample_rates
        fits = (rate for rate in rates if not rate % source.sample_rate)
        halves = (rate for rate in rates if not source.sample_rate % rate)
        self.sample_rate = next(fits, next(halves, rates[0]))
        self.layout = "mono" if source.channels == 1 else "stereo"
        first = round(self._rendition.start * self.sample_rate)
        trim = f"start_sample={first}"
        if self._rendition.length is not None:
            trim += f":end_sample={first + round(self._rendition.length * self.sample_rate)}"
        target = f"sample_rates={self.sample_rate}:channel_layouts={self.layout}"
        return _Chain(
            source,
            [
                ("aformat", f"{target}:sample_fmts={SAMPLE_FORMAT}"),
                ("atrim", trim),
                ("asetpts", "N/SR/TB"),
                *filters,
            ],
        )


class _Chain:
    """A chain of FFmpeg's filters."""

    def __init__(self, source: Source, filters: list[tuple[str, str]]) -> None:
        self.has_ended = False
        self._graph = Graph()
        self._graph.threads = 1
        self._input = self._graph.add_abuffer(
            sample_rate=source.sample_rate, format=SAMPLE_FORMAT, layout=source.layout
        )
        self._output = self._graph.add("abuffersink")
        inner = [self._graph.add(name, options) for name, options in filters]
        self._graph.link_nodes(self._input, *inner, self._output).configure()

    def push(self, frame: AudioFrame | None) -> Iterator[AudioFrame]:
        """Yield the frames that leave the chain after this one entered, all after None."""
        self._input.push(frame)
        while True:
            try:
                yield cast(AudioFrame, self._output.pull())
            except EOFError:
                self.has_ended = True
                return
            except BlockingIOError:
                return


def _encode(excerpt: Excerpt, gain: float, output: int) -> None:
    os.ftruncate(output, 0)
    encoding = excerpt.encoding
    packets = excerpt.samples // 960 + 8  # of at least 960 samples
    index = INDEX_BYTES + INDEX_BYTES_PER_PACKET * packets
    options = {"moov_size": str(index)} if encoding.muxer == "ipod" else {}
    with io.FileIO(output, "r+", closefd=False) as file:
        file.seek(0)
        with av.open(file, "w", encoding.muxer, options, io_open=None) as container:
            stream = cast(
                AudioStream, container.add_stream(encoding.encoder, rate=excerpt.sample_rate)
            )
            stream.codec_context.layout = excerpt.layout
            stream.codec_context.bit_rate = excerpt.bit_rate
            stream.codec_context.thread_count = 1
            for frame in excerpt.frames(gain):
                container.mux(stream.codec_context.encode(frame))
            container.mux(stream.codec_context.encode(None))


def _measured(output: int, encoding: Encoding) -> dict[str, Any]:
    """Decode the rendition, as players do."""
    with io.FileIO(output, closefd=False) as file:
        file.seek(0)
        source = Source(cast(BinaryIO, file), FORMATS[encoding.content_type])
        meter = Meter(source.sample_rate, source.layout)
        for frame in source.frames():
            meter.add(frame)
    meter.finish()
    return {
        "duration": source.duration,
        "sample_rate": source.sample_rate,
        "channels": source.channels,
        "bit_rate": round(source.payload * 8 / source.duration),
        "loudness": meter.loudness,
        "true_peak": meter.true_peak and round(meter.true_peak, 2),
    }


def _change(target: float | None, result: dict[str, Any], attempt: int) -> float:
    """Return the change of the gain in dB for the next attempt, 0 if the rendition is right."""
    if target is None or result["true_peak"] is None:
        return 0.0
    change = gain_to(target, result["loudness"], result["true_peak"]) or 0.0
    if result["true_peak"] > TRUE_PEAK_LIMIT:
        overshoot = float(result["true_peak"]) - TRUE_PEAK_LIMIT
        return min(change, -overshoot) - MARGIN * attempt
    if attempt < ATTEMPTS_TO_REACH_TARGET and abs(change) > CLOSE_ENOUGH:
        return change - MARGIN
    return 0.0
