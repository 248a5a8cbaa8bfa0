"""A separate PostgreSQL server, which can be stopped and paused."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import psycopg

from clips_site.database.embedded.cluster import SUPERUSER, Cluster

DATABASE = "clips_db"


class Postgres:
    """The embedded PostgreSQL, run apart from the service, which connects to it as to any server.

    `server` is the service's POSTGRES_SERVER. Used as a context manager, it is removed at the end.
    With an address to listen on, it also accepts connections over TCP, without a password.
    """

    def __init__(self, folder: Path, listen: str = "") -> None:
        self._cluster = Cluster(folder)
        self._cluster.listen_addresses = listen
        self.server = str(self._cluster.attach(DATABASE))
        if listen:
            with (self._cluster.data / "pg_hba.conf").open("a") as rules:
                rules.write("host all all samenet trust\n")
            with self.connect() as connected:
                connected.execute("SELECT pg_reload_conf()")

    def connect(self, database: str = DATABASE) -> psycopg.Connection[Any]:
        """Return a connection that commits each statement."""
        return psycopg.connect(host=self.server, user=SUPERUSER, dbname=database, autocommit=True)

    def stop(self) -> None:
        """Stop it without waiting for its clients."""
        os.kill(self.pid, signal.SIGINT)
        while (self._cluster.data / "postmaster.pid").exists():
            time.sleep(0.05)

    def start(self) -> None:
        """Start it again."""
        self._cluster.attach(DATABASE)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Suspend its processes during the block: they neither answer nor refuse."""
        pid = self.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        processes = [pid, *map(int, children)]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._cluster.detach()
        shutil.rmtree(self._cluster.home)  # as root it may be outside of the folder given

    @property
    def pid(self) -> int:
        """The process ID of its postmaster."""
        return int((self._cluster.data / "postmaster.pid").read_text().split()[0])
