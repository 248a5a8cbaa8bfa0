"""gunicorn's logger: the format of all other lines, and no data of clients."""

import logging
from logging.config import dictConfig
from typing import Any

from gunicorn.glogging import Logger as GunicornLogger

from clips_site import settings
from clips_site.server.logs.formatting import log_uncaught


class Logger(GunicornLogger):  # type: ignore[misc]
    """Logs as the rest of the service does. The front writes the lines of requests."""

    def setup(self, cfg: Any) -> None:
        """Use the service's logging configuration, which the master lacks until now."""
        dictConfig(settings.LOGGING)
        logging.captureWarnings(capture=True)
        log_uncaught()
        self.cfg = cfg
        self.error_log.propagate = True
