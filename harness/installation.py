"""A new service with its own settings and data."""

import os
import subprocess
import sys
from pathlib import Path

from harness.postgres import DATABASE, Postgres
from harness.service import ROOT, Server


class Installation:
    """Settings and data of a service, on the embedded PostgreSQL in its folder or on a given one.

    Keyword arguments are environment variables, as for `Server`. To start it with the samples::

        installation = Installation(folder)
        installation.prepare()
        with installation.start() as server:
            ...
    """

    def __init__(
        self, folder: Path, *, postgres: Postgres | None = None, **environment: str
    ) -> None:
        folder.chmod(0o755)  # PostgreSQL, which does not run as root, must reach its data in here
        self.folder = folder
        self.audio_store = folder / "audio-store"
        self.environment = {
            "CLIPS_ACCEL_LOCATION": "",
            "CLIPS_ACCESS_LOG": "off",
            "CLIPS_LOCAL_DIR": str(folder),
            "CLIPS_ORIGIN_ALLOW": "127.0.0.1",
            "CLIPS_STATIC_ROOT": str(folder / "static"),
            "CLIPS_THROTTLE": "off",
            "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
            "DJANGO_SETTINGS_MODULE": "clips_site.settings",
            "POSTGRES_DB": DATABASE,
            "POSTGRES_SERVER": postgres.server if postgres else "",
            **environment,
        }

    def prepare(self, *options: str) -> None:
        """Collect the static files, make the tables and load the samples, as `make run` does."""
        self.manage("collectstatic", "--noinput", "--verbosity", "0")
        self.manage("prepare", "--verbosity", "0", *options)

    def manage(self, *arguments: str) -> None:
        """Run a management command with the settings of this service."""
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=os.environ | self.environment,
            check=True,
        )

    def run_python(self, code: str) -> None:
        """Run code in Django's shell, with the settings of this service."""
        self.manage("shell", "--no-imports", "--command", code)

    def start(self) -> Server:
        """Start the service; its log goes to a file in the folder."""
        return Server(self.folder / "service.log", **self.environment)
