"""The decoder's program: reads one file from standard input, writes a report to standard output.

Its argument is a job as JSON. The report is one JSON object: {"result": ...} or {"failure": code}.
"""

import errno
import io
import json
import os
import sys
from typing import Any, BinaryIO, cast

from library.sound.decoder import confinement


def main(job: dict[str, Any]) -> None:
    """Do a job of `runner`, in limits from the beginning, and confined before the file is read."""
    confinement.limit(**job["limits"], parent=job["parent"])
    try:
        report = _run(job)
    except MemoryError:
        report = {"failure": "out_of_memory"}
    os.write(1, json.dumps(report).encode())
    os._exit(0)  # skips destructors, which have nothing to do


def _run(job: dict[str, Any]) -> dict[str, Any]:
    # Imports come after the limits and before the confinement, which forbids opening files.
    import av
    import av.subtitles.stream  # PyAV imports these when it opens a file
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
    except av.FFmpegError as error:
        is_memory = isinstance(error, MemoryError)
        return {"failure": "out_of_memory" if is_memory else "damaged"}
    except OSError as error:
        if error.errno != errno.EFBIG:  # RLIMIT_FSIZE
            raise
        return {"failure": "output_too_large"}


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
