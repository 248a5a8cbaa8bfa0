"""Loudness of audio that arrives in pieces.

FFmpeg's filter ebur128 measures loudness and range. The true peak is the largest sample after
resampling to 192 kHz, as in that filter, which rounds it too much for quiet audio.

Sources: EBU R 128, ITU-R BS.1770-4 with annex 2, EBU Tech 3341 and 3342.
"""

import math

from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.filter import Graph

from library.sound.decoder.frames import SAMPLE_FORMAT

ABSOLUTE_GATE = -70.0  # LUFS; the filter returns it if no block of 0.4 s is louder
HOPS_PER_SECOND = 10  # the filter returns a frame of 0.1 s for each value
SHORT_TERM_SECONDS = 3
TRUE_PEAK_RATE = 192_000  # Hz
QUIETEST_PEAK = 1e-6  # of full scale, -120 dB; below it, audio counts as digital silence


class Meter:
    """Measures frames of one format: 32-bit floats.

    Values are None if they cannot be measured. `loudness` needs a block of 0.4 s above -70 LUFS,
    `loudness_range` needs 3 s, and `true_peak` needs anything but silence.
    """

    def __init__(self, sample_rate: int, layout: str) -> None:
        self.short_term: list[float] = []  # LUFS of the 3 s before second 3, 4, 5 ...
        self._hops = 0
        self._values: dict[str, str] = {}
        self._graph = Graph()
        self._graph.threads = 1
        self._input = self._graph.add_abuffer(
            sample_rate=sample_rate, format=SAMPLE_FORMAT, layout=layout
        )
        meter = self._graph.add("ebur128", "metadata=1:framelog=quiet")
        self._output = self._graph.add("abuffersink")
        self._graph.link_nodes(self._input, meter, self._output).configure()
        self._resampler = AudioResampler(SAMPLE_FORMAT, layout, TRUE_PEAK_RATE)
        self._true_peak = self._sample_peak = 0.0  # of full scale

    def add(self, frame: AudioFrame) -> None:
        self._input.push(frame)
        self._read_loudness()
        self._read_true_peak(frame)

    def finish(self) -> None:
        """Measure what the filters still hold."""
        self._input.push(None)
        self._read_loudness()
        self._read_true_peak(None)

    @property
    def loudness(self) -> float | None:
        """Return the integrated loudness in LUFS."""
        value = self._value("I")
        return value if value is not None and value > ABSOLUTE_GATE else None

    @property
    def loudness_range(self) -> float | None:
        """Return the loudness range in LU."""
        measurable = self.loudness is not None and self.short_term
        return self._value("LRA") if measurable else None

    @property
    def true_peak(self) -> float | None:
        """Return the true peak in dBTP."""
        peak = self._true_peak or self._sample_peak
        return 20 * math.log10(peak) if peak >= QUIETEST_PEAK else None

    def _value(self, name: str) -> float | None:
        value = float(self._values.get(f"lavfi.r128.{name}", "nan"))
        return value if math.isfinite(value) else None

    def _read_loudness(self) -> None:
        while True:
            try:
                metadata = self._output.pull().metadata
            except (BlockingIOError, EOFError):
                return
            if not metadata:  # of a last frame shorter than 0.1 s
                continue
            self._values = metadata
            self._hops += 1
            seconds, rest = divmod(self._hops, HOPS_PER_SECOND)
            if not rest and seconds >= SHORT_TERM_SECONDS:
                self.short_term.append(max(ABSOLUTE_GATE, self._value("S") or ABSOLUTE_GATE))

    def _read_true_peak(self, frame: AudioFrame | None) -> None:
        for resampled in self._resampler.resample(frame):
            if resampled is not None:
                self._true_peak = max(self._true_peak, _highest(resampled))
        if frame and not self._true_peak:  # too few samples for the resampler
            self._sample_peak = max(self._sample_peak, _highest(frame))


def _highest(frame: AudioFrame) -> float:
    samples = frame.to_ndarray()
    return max(float(samples.max()), -float(samples.min()))
