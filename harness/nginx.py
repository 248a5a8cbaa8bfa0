"""nginx, in front of a running service as deploy/nginx/clips.conf sets it up, or on its own."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

from django.conf import settings

from harness.service import ROOT, free_port

# Debian installs it in a directory that only root's PATH has.
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
CONFIGURATION = ROOT / "deploy" / "nginx" / "clips.conf"


class NginxProgram:
    """A running nginx with these servers, in an http block like Debian's. It uses a folder."""

    def __init__(self, folder: Path, servers: str) -> None:
        user = "user root;" if os.geteuid() == 0 else ""  # www-data cannot read the tests' files
        temporary = "".join(
            f"{name}_temp_path {folder};"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        configuration = folder / "nginx.conf"
        configuration.write_text(
            f"{user} pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
            f"http {{ access_log off; sendfile on; tcp_nopush on; {temporary}\n{servers}\n}}"
        )
        command = f"{NGINX} -p {folder} -c {configuration} -e {folder}/error.log".split()
        subprocess.run([*command, "-t"], check=True, capture_output=True)
        self._process = subprocess.Popen([*command, "-g", "daemon off;"])

    @property
    def pid(self) -> int:
        """The process ID of nginx's master."""
        return self._process.pid

    def workers(self) -> list[int]:
        """Return the process IDs of the running workers."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Nginx(NginxProgram):
    """nginx on a free port, with the configuration in deploy/ and the tests' folders.

    `local` is the service's CLIPS_LOCAL_DIR.
    """

    def __init__(self, folder: Path, service_port: int, local: Path | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        local = local or settings.LOCAL_DIR
        site = CONFIGURATION.read_text()
        for deployed, tested in (
            ("127.0.0.1:8000", f"127.0.0.1:{service_port}"),
            ("listen 80;", f"listen 127.0.0.1:{self.port};"),
            ("/var/lib/clips/audio-store/", f"{local / 'audio-store'}/"),
            ("/var/lib/clips/media/", f"{local / 'media'}/"),
            ("/app/fixtures/audio/", f"{ROOT / 'fixtures' / 'audio'}/"),
        ):
            assert deployed in site
            site = site.replace(deployed, tested)
        super().__init__(folder, site)
