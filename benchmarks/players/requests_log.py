"""Has gunicorn tell of each request what interests here, which the service's own log leaves out."""

import sys
from datetime import timedelta
from typing import Any

from clips_site.server.worker import Logger

MARK = "request\t"
CONDITIONS = ("If-Match", "If-Range", "If-None-Match")


class RequestsLogger(Logger):
    """The service's log, with a line of fields between tabs in the place of a request's."""

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """The path, the method, the range, the conditions, the status, and microseconds it took."""
        sent = {name.upper(): value for name, value in req.headers}
        asked = [sent.get(name.upper(), "") for name in ("Range", *CONDITIONS)]
        status = str(resp.status).split()[0]
        took = str(request_time // timedelta(microseconds=1))
        line = "\t".join([environ["PATH_INFO"], req.method, *asked, status, took])
        sys.stdout.write(f"{MARK}{line}\n")
        sys.stdout.flush()
