"""PgBouncer in transaction mode, in front of a separate PostgreSQL."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

from clips_site.database.embedded.cluster import SUPERUSER, SYSTEM_USER
from harness.postgres import DATABASE, Postgres
from harness.service import free_port

# Debian installs it in a directory that only root's PATH has.
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


class Pooler:
    """A running PgBouncer. The keyword arguments are settings of its section `pgbouncer`.

    `environment` are the variables of a service that connects through it.
    """

    def __init__(self, postgres: Postgres, **settings: str) -> None:
        self.port = free_port()
        self.environment = {
            "POSTGRES_SERVER": "127.0.0.1",
            "POSTGRES_PORT": str(self.port),
            "POSTGRES_DB": DATABASE,
        }
        values = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(self.port),
            "unix_socket_dir": "",
            "auth_type": "any",
            "pool_mode": "transaction",
            "ignore_startup_parameters": "extra_float_digits",
            **settings,
        }
        configuration = Path(postgres.server).parent / f"pgbouncer-{self.port}.ini"
        configuration.write_text(
            f"[databases]\n{DATABASE} = host={postgres.server} user={SUPERUSER}\n[pgbouncer]\n"
            + "".join(f"{name} = {value}\n" for name, value in values.items())
        )
        configuration.chmod(0o644)
        user = SYSTEM_USER if os.geteuid() == 0 else None  # PgBouncer refuses to run as root
        self._process = subprocess.Popen(
            [PGBOUNCER or "pgbouncer", configuration],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
