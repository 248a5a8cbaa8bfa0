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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Start the cluster for each new connection of the pool, which gets its parameters once."""
        super().__init__(*args, **kwargs)
        settings = self.settings_dict

        def attach() -> str:
            cluster(settings["OPTIONS"]["cluster"]).attach(settings["NAME"])
            return ""  # adds nothing to the parameters

        if pool := settings["OPTIONS"].get("pool"):
            pool["conninfo"] = attach

    def get_connection_params(self) -> dict[str, Any]:
        """Start the cluster if it is not running, and create the database if it is missing."""
        params: dict[str, Any] = super().get_connection_params()
        handle = cluster(params.pop("cluster"))
        params |= {"host": str(handle.attach(params["dbname"])), "user": SUPERUSER}
        return params
