"""nginx as deploy/nginx/clips.conf sets it up, in front of a running service."""

import os
import shutil
import subprocess
from pathlib import Path

from django.conf import settings

from harness.service import ROOT, free_port

# Debian installs it in a directory that only root's PATH has.
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
CONFIGURATION = ROOT / "deploy" / "nginx" / "clips.conf"


class Nginx:
    """nginx on a free port, with the configuration in deploy/ and the tests' folders."""

    def __init__(self, folder: Path, service_port: int) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        site = CONFIGURATION.read_text()
        for deployed, tested in (
            ("127.0.0.1:8000", f"127.0.0.1:{service_port}"),
            ("listen 80;", f"listen 127.0.0.1:{self.port};"),
            ("/var/lib/clips/audio-store/", f"{settings.LOCAL_DIR / 'audio-store'}/"),
            ("/var/lib/clips/media/", f"{settings.LOCAL_DIR / 'media'}/"),
            ("/app/fixtures/audio/", f"{ROOT / 'fixtures' / 'audio'}/"),
        ):
            assert deployed in site
            site = site.replace(deployed, tested)
        user = "user root;" if os.geteuid() == 0 else ""  # www-data cannot read the tests' files
        temporary = "".join(
            f"{name}_temp_path {folder};"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        configuration = folder / "nginx.conf"
        configuration.write_text(
            f"{user} pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
            f"http {{ access_log off; sendfile on; {temporary}\n{site}\n}}"
        )
        command = f"{NGINX} -p {folder} -c {configuration} -e {folder}/error.log".split()
        subprocess.run([*command, "-t"], check=True, capture_output=True)
        self._process = subprocess.Popen([*command, "-g", "daemon off;"])

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)
