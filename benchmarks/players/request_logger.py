"""A gunicorn logger that writes ranges and conditional fields, which the service does not log."""

import sys
import time
from datetime import timedelta
from typing import Any

from benchmarks.players.request_log import CONDITIONS, MARK
from clips_site.server.worker import Logger


class RequestLogger(Logger):
    """The service's logger, with a request's fields between tabs in place of its usual line."""

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        sent = {name.upper(): value for name, value in req.headers}
        conditions = " ".join(name for name in CONDITIONS if name.upper() in sent)
        began = time.monotonic() - request_time.total_seconds()
        status = str(resp.status).split()[0]
        fields = [
            began,
            environ["PATH_INFO"],
            req.method,
            sent.get("RANGE", ""),
            conditions,
            status,
        ]
        sys.stdout.write(MARK + "\t".join(map(str, fields)) + "\n")
        sys.stdout.flush()
