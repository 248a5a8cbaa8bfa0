"""A folder that stands for a server, on which the recipes of the documentation are executed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import requests

from harness.service import ROOT, free_port
from harness.waiting import until

PAGES = [ROOT / "docs" / name for name in ("server.md", "backup.md")]
RECIPE = re.compile(r"<!-- recipe: (.+?) -->\n```sh\n(.+?)```", re.DOTALL)
RECIPES = dict(found for page in PAGES for found in RECIPE.findall(page.read_text()))
FOLDERS = ("/etc/systemd/system", "/etc/nginx/conf.d", "/opt", "/var/lib", "/var/backups")
# Programs that need a whole machine, and what they do instead. $MACHINE is the folder.
STAND_INS = {
    "runuser": 'shift 3; exec "$@"',
    "install": """
        kept=()
        while [ $# -gt 0 ]; do
          case "$1" in --owner|--group) shift;; *) kept+=("$1");; esac
          shift
        done
        exec /usr/bin/install "${kept[@]}" """,
    "make": 'echo "$@" >> "$MACHINE/made"',
    "userdel": 'echo "$@" >> "$MACHINE/deleted"',
    "systemctl": """
        case "$1" in
          start|enable)
            unit="$MACHINE/etc/systemd/system/clips.service"
            command=$(sed -n "s#^ExecStart=#$MACHINE#p" "$unit")
            cd "$MACHINE/opt/clips"
            setsid $command >> "$MACHINE/log" 2>&1 < /dev/null &
            echo $! > "$MACHINE/pid";;
          stop|disable)
            pid=$(cat "$MACHINE/pid")
            kill "$pid"
            while [ -e "/proc/$pid/exe" ]; do sleep 0.1; done;;
        esac""",
    "docker": """
        shift  # compose
        case "$1" in
          exec) shift 3;;
          run) shift 5;;
          *) exit;;
        esac
        exec "$@" """,
}


class Machine:
    """The folder. `programs` are in the PATH of the recipes, `variables` in the environment."""

    def __init__(self, root: Path, programs: str = "/bin", **variables: str) -> None:
        self.root, self.port = root, free_port()
        self._programs, self._variables = programs, variables
        for folder in (*FOLDERS, "/bin"):
            (root / folder[1:]).mkdir(parents=True)
        for name, script in STAND_INS.items():
            path = root / "bin" / name
            path.write_text(f"#!/bin/bash\n{script}\n")
            path.chmod(0o755)

    def get_code(self) -> None:
        """Put a copy of the code into /opt/clips, as a repository that is its own origin."""
        code = self.root / "opt/clips"
        for name in ("clips_site", "library", "fixtures", "deploy"):
            shutil.copytree(ROOT / name, code / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "manage.py", code)
        (code / ".venv").symlink_to(ROOT / ".venv")
        git = ["git", "-c", "user.name=Clips", "-c", "user.email=clips@example.org"]
        for command in (
            "init --quiet --initial-branch main",
            "add --all",
            "commit --quiet --message Code",
            f"remote add origin {code}",
        ):
            subprocess.run([*git, *command.split()], cwd=code, check=True)

    def run(self, recipe: str, stdin: str = "") -> str:
        """Execute a recipe, and return its output. Each of its commands must succeed."""
        script = RECIPES[recipe]
        for folder in FOLDERS:
            script = script.replace(f"{folder}/", f"{self.root}{folder}/")
        script = script.replace("localhost:8000", f"127.0.0.1:{self.port}")
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        kept |= {"MACHINE": str(self.root), **self._variables}
        kept["PATH"] = f"{self.root}/bin:{self._programs}:{kept['PATH']}"
        with (self.root / "output").open("w+") as output:
            ended = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script],
                env=kept,
                input=stdin,
                stdout=output,  # the service keeps no pipe open
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                start_new_session=True,  # without a terminal, passwords are read from stdin
            )
            output.seek(0)
            text = output.read()
        assert ended.returncode == 0, f"{recipe}: {text}"
        return text

    def await_service(self) -> None:
        """Return when the service is ready."""
        until(self._is_ready, timeout=90)

    def _is_ready(self) -> bool:
        try:
            url = f"http://127.0.0.1:{self.port}/readyz"
            return requests.get(url, timeout=5).ok
        except requests.ConnectionError:
            return False

    def kill(self) -> None:
        """Stop the service if a test has failed before it did."""
        pid = self.root / "pid"
        if pid.exists():
            subprocess.run(["kill", "-TERM", pid.read_text().strip()], check=False)
            until(lambda: not Path(f"/proc/{pid.read_text().strip()}/exe").exists())


class Site:
    """The service behind nginx, for a browser that trusts its certificate."""

    def __init__(self, url: str, certificate: Path) -> None:
        self._url, self._certificate = url, str(certificate)

    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env, session.verify = False, self._certificate
        return session

    def get(self, path: str) -> requests.Response:
        with self._session() as session:
            return session.get(self._url + path, timeout=30)

    def lets_in(self, name: str, password: str) -> bool:
        """Return whether the log-in page accepts the password."""
        page = f"{self._url}/admin/login/"
        with self._session() as session:
            form = session.get(page, timeout=30).text
            token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
            assert token
            data = {"username": name, "password": password, "csrfmiddlewaretoken": token[1]}
            answer = session.post(
                page, data=data, headers={"Referer": page}, timeout=30, allow_redirects=False
            )
            return answer.is_redirect
