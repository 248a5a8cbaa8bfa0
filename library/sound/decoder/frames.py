"""Frames of FFmpeg and arrays of numpy, both with 32-bit floats."""

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame

# All channels in one plane: PyAV 18.1 reads past the planes of a frame of 8 channels otherwise.
SAMPLE_FORMAT = "flt"

Samples = npt.NDArray[np.float32]  # a row for each channel


def samples_of(frame: AudioFrame) -> Samples:
    """Return the samples of a frame."""
    return frame.to_ndarray().reshape(-1, frame.layout.nb_channels).T.astype(np.float32, copy=False)


def frame_of(samples: Samples, layout: str, sample_rate: int) -> AudioFrame:
    """Return a frame of these samples."""
    interleaved = np.ascontiguousarray(samples.T, np.float32).reshape(1, -1)
    frame = AudioFrame.from_ndarray(interleaved, SAMPLE_FORMAT, layout)
    frame.sample_rate = sample_rate
    return frame
