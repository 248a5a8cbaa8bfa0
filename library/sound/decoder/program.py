"""The decoder's program: reads one file from standard input, writes a report to standard output.

The report is a JSON object: {"result": ...} or {"failure": code}. After a fault of this program it
has a "trace" as well.
"""

import errno
import io
import json
import os
import traceback
from typing import Any, BinaryIO, cast

from library.sound.decoder import confinement

MOST_TRACE = 4000  # characters


def main(job: dict[str, Any]) -> None:
    """Do a job of `runner`, in limits from the beginning, and confined before the file is read."""
    confinement.limit(**job["limits"], parent=job["parent"])
    try:
        report = _run(job)
    except MemoryError:
        report = {"failure": "out_of_memory"}
    except Exception:  # logged by the parent, which is allowed to write logs
        report = {"failure": "decoder_crashed", "trace": traceback.format_exc()[-MOST_TRACE:]}
    os.write(1, json.dumps(report).encode())
    os._exit(0)  # skips destructors, which have nothing to do


def _run(job: dict[str, Any]) -> dict[str, Any]:
    # Imports come after the limits and before the confinement, which forbids opening files.
    import av
    import av.subtitles.codeccontext  # PyAV imports these for streams of chapters and pictures
    import av.subtitles.stream
    import av.video.codeccontext
    import av.video.stream

    from library.sound.decoder import encode, measure
    from library.sound.decoder.source import RefusedError
    from library.sound.formats import FORMATS
    from library.sound.rendition import Rendition

    form = FORMATS[job["content_type"]]
    file = cast(BinaryIO, io.FileIO(0, closefd=False))
    confinement.confine()
    try:
        if job["task"] == "analyse":
            return {"result": measure.measure(file, form)}
        rendition = Rendition(**job["rendition"])
        return {"result": encode.render(file, form, job["output"], rendition)}
    except RefusedError as error:
        return {"failure": error.code}
    except PermissionError:
        raise  # a system call that `confinement` should allow
    except (av.FFmpegError, OSError) as error:
        return {"failure": _code(error)}


def _code(error: Exception) -> str:
    """Return the reason for an error of FFmpeg, or of the file that it reads or writes."""
    if isinstance(error, MemoryError):
        return "out_of_memory"
    numbers = {getattr(e, "errno", None) for e in (error, error.__cause__, error.__context__)}
    return "output_too_large" if errno.EFBIG in numbers else "damaged"  # RLIMIT_FSIZE
