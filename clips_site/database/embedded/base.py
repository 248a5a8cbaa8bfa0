"""Django database engine: PostgreSQL that is started by the first connection.

A command that needs no database starts none. A server that was killed is started again by the next
connection.
"""

from functools import cache
from pathlib import Path
from typing import Any

from clips_site.database.embedded.cluster import SUPERUSER, Cluster
from clips_site.database.postgresql import base


@cache
def cluster(folder: Path) -> Cluster:
    """Return this process's only handle on the cluster in a folder."""
    return Cluster(folder)


class DatabaseWrapper(base.DatabaseWrapper):
    """Connects to the socket of the cluster in the folder `OPTIONS["cluster"]`."""

    def get_connection_params(self) -> dict[str, Any]:
        """Start the cluster if it is not running, and create the database if it is missing."""
        params: dict[str, Any] = super().get_connection_params()
        handle = cluster(params.pop("cluster"))
        params |= {"host": str(handle.attach(params["dbname"])), "user": SUPERUSER}
        return params
