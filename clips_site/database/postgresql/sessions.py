"""What PostgreSQL knows about each connection: its name, and when the server itself ends it.

A machine that vanishes, or a process that is frozen, must not keep its locks. Its own limits are
frozen with it, so the server gets some as well, in libpq's parameter `options`.
"""

import logging
import os
import socket
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

logger = logging.getLogger(__name__)

# The server gives up after some six seconds if the client's machine or network fails.
KEEPALIVES = {
    "tcp_keepalives_idle": 3,  # seconds, like the next
    "tcp_keepalives_interval": 1,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 6_000,  # milliseconds
}
# Commands may work in Python for long while a transaction is open.
IDLE_IN_COMMANDS = 600.0  # seconds
NAME_LENGTH = 63  # PostgreSQL cuts off longer names
# Parts of the messages with which PgBouncer and RDS Proxy refuse the parameter.
REFUSALS = ("unsupported startup parameter", "command-line options")


class Sessions:
    """The sessions of this process."""

    def __init__(self) -> None:
        self.purpose = _command()
        self.idle_in_transaction = IDLE_IN_COMMANDS
        self.pooled: bool = settings.POSTGRES_POOLER

    def serve_requests(self) -> None:
        """Set the limits of a web worker."""
        self.purpose = "web"
        self.idle_in_transaction = settings.POSTGRES_IDLE_IN_TRANSACTION

    def parameters(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters given, with those of the session added.

        `purpose` is a word for its name; it isn't a parameter of libpq.
        """
        purpose = given.get("purpose", self.purpose)
        name = os.environ.get("PGAPPNAME") or f"clips {purpose} on {socket.gethostname()}"
        parameters = {"application_name": name[:NAME_LENGTH], **given}
        parameters.pop("purpose", None)
        options = parameters.pop("options", None) or os.environ.get("PGOPTIONS", "")
        if not self.pooled:
            milliseconds = round(self.idle_in_transaction * 1000)
            limits = KEEPALIVES | {"idle_in_transaction_session_timeout": milliseconds}
            ours = (f"-c {name}={value}" for name, value in limits.items())
            options = " ".join((*ours, options)).strip()  # the last one counts
        if options:
            parameters["options"] = options
        return parameters

    def refused(self, error: Exception) -> bool:
        """Return whether a pooler has refused the settings. They are not sent again then."""
        if self.pooled or not any(refusal in str(error) for refusal in REFUSALS):
            return False
        self.pooled = True
        logger.warning(
            "A connection pooler refuses the settings of sessions. Set POSTGRES_POOLER=on, and "
            "limit idle transactions in the pooler: see docs/configuration.md."
        )
        return True


def _command() -> str:
    """Return the name of the management command, or of the program."""
    program = Path(sys.argv[0]).stem
    is_manage = program in ("manage", "django-admin", "__main__") and len(sys.argv) > 1
    return sys.argv[1] if is_manage else program


sessions = Sessions()
