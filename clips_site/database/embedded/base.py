"""Django database engine: PostgreSQL that starts on the first connection.

A command that needs no database starts nothing; every one that does just works. A server that was
killed starts anew when it is next connected to.
"""

from functools import cache
from pathlib import Path
from typing import Any

from clips_site.database.embedded.cluster import SUPERUSER, Cluster
from clips_site.database.postgresql import base


@cache
def cluster(folder: Path) -> Cluster:
    """The process's one handle on the cluster in a folder."""
    return Cluster(folder)


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL on the socket of the cluster that `OPTIONS["cluster"]` (a folder) names."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Have the pool, which is given its parameters once, ask us each time it connects."""
        super().__init__(*args, **kwargs)
        settings = self.settings_dict

        def attach() -> str:
            cluster(settings["OPTIONS"]["cluster"]).attach(settings["NAME"])
            return ""  # nothing to add to the parameters

        if pool := settings["OPTIONS"].get("pool"):
            pool["conninfo"] = attach

    def get_connection_params(self) -> dict[str, Any]:
        """Start the cluster if it does not run; connect to its socket, making the database."""
        params: dict[str, Any] = super().get_connection_params()
        handle = cluster(params.pop("cluster"))
        params |= {"host": str(handle.attach(params["dbname"])), "user": SUPERUSER}
        return params
