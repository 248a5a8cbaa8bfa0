"""Analyses and renders open files, each in a process of its own. Every outcome is a result."""

import os
from dataclasses import asdict
from typing import BinaryIO

from library.sound import runner
from library.sound.analysis import Analysis
from library.sound.failures import Failure
from library.sound.limits import ANALYSIS, RENDERING, Limits
from library.sound.rendition import Rendered, Rendition


def analyse(audio: BinaryIO, content_type: str, limits: Limits = ANALYSIS) -> Analysis | Failure:
    """Decode an open file completely and return its analysis.

    `audio` needs a descriptor. `content_type` is the media type that `library.audio.sniff` detects
    in the file.
    """
    report = runner.run("analyse", audio, content_type, limits=limits)
    if isinstance(report, Failure):
        return report
    try:
        return Analysis.from_report(report)
    except (ValueError, TypeError, KeyError):
        return Failure("report_invalid")


def render(
    audio: BinaryIO,
    content_type: str,
    rendition: Rendition,
    output: BinaryIO,
    limits: Limits = RENDERING,
) -> Rendered | Failure:
    """Make a rendition of an open file and write it to `output`.

    `output` is an empty file, open for reading and writing. After a failure its content is
    undefined. An excerpt that would reach past the end of the audio ends there. With a target, the
    true peak of the decoded rendition stays below `loudness.TRUE_PEAK_LIMIT`.
    """
    report = runner.run(
        "render", audio, content_type, limits=limits, output=output, rendition=asdict(rendition)
    )
    if isinstance(report, Failure):
        return report
    try:
        return Rendered.from_report(report | {"size": os.fstat(output.fileno()).st_size})
    except (ValueError, TypeError, KeyError):
        return Failure("report_invalid")
