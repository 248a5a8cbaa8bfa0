"""The recipes in docs/server.md and docs/backup.md, executed as they are written."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests
import yaml

from clips_site.database.embedded.cluster import SUPERUSER
from clips_site.server.running import is_free
from harness.nginx import NGINX, NginxProgram
from harness.postgres import DATABASE, Postgres
from harness.service import ROOT, free_port
from harness.waiting import until
from tests.support.server_machine import RECIPES, Machine, Site

UNIT = ROOT / "deploy" / "systemd" / "clips.service"
TLS = ROOT / "deploy" / "nginx" / "tls.conf"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
pytestmark = pytest.mark.processes


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="clips-server-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL, which does not run as root, must enter
        yield Path(folder)


def encrypted(folder: Path, service_port: int, http: int, https: int) -> str:
    """Return deploy/nginx/tls.conf with other ports and a certificate of its own."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {certificate}"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    text = re.sub(r" *listen \[::\].*\n", "", TLS.read_text())
    for deployed, tested in (
        ("server 127.0.0.1:8000", f"server 127.0.0.1:{service_port}"),
        ("listen 80;", f"listen 127.0.0.1:{http};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{https} ssl;"),
        ("/etc/letsencrypt/live/clips.example.org/fullchain.pem", str(certificate)),
        ("/etc/letsencrypt/live/clips.example.org/privkey.pem", str(key)),
        ("server_name clips.example.org", "server_name localhost"),
    ):
        assert deployed in text
        text = text.replace(deployed, tested)
    return text


@pytest.mark.skipif(NGINX is None, reason="needs nginx (make system-tools)")
def test_nginx_redirects_to_https(tmp_path: Path) -> None:
    http, https = free_port(), free_port()
    with NginxProgram(tmp_path, encrypted(tmp_path, free_port(), http, https)):
        until(lambda: not is_free("127.0.0.1", http))
        answer = requests.get(
            f"http://127.0.0.1:{http}/a?b", headers={"Host": "localhost"}, allow_redirects=False
        )
    assert (answer.status_code, answer.headers["Location"]) == (301, "https://localhost/a?b")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "clips.service"
    unit.write_text(UNIT.read_text().replace("/opt/clips", str(ROOT)))
    result = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert (
        result.returncode,
        [line for line in result.stderr.splitlines() if "clips" in line],
    ) == (
        0,
        [],
    )


@pytest.mark.parametrize("name", [name for name in RECIPES if "compose" in name])
def test_recipe_for_compose_uses_services_and_paths_of_the_compose_file(name: str) -> None:
    recipe = RECIPES[name]
    services = set(re.findall(r"-T (\w+)|stop (\w+) (\w+)|--wait (\w+)", recipe))
    assert {name for found in services for name in found if name} <= set(COMPOSE["services"])
    assert "clips:/var/lib/clips" in COMPOSE["services"]["web"]["volumes"]
    assert {"POSTGRES_USER", "POSTGRES_DB"} <= set(COMPOSE["services"]["db"]["environment"])


def test_recipes_for_compose_restore_database_and_files(folder: Path) -> None:
    with Postgres(folder / "postgres") as postgres:
        programs = str(postgres._cluster.programs)
        machine = Machine(
            folder / "machine",
            programs,
            PGHOST=postgres.server,
            POSTGRES_USER=SUPERUSER,
            POSTGRES_DB=DATABASE,
        )
        upload = machine.root / "var/lib/clips/media/uploads/a.mp3"
        upload.parent.mkdir(parents=True)
        upload.write_bytes(b"audio")
        (machine.root / "opt/clips").mkdir()
        with closing(postgres.connect()) as connected:
            connected.execute("CREATE TABLE library_changestate AS SELECT 7 AS last_seq")
        machine.run("back up, compose")
        upload.write_bytes(b"damaged")
        with closing(postgres.connect()) as connected:
            connected.execute("UPDATE library_changestate SET last_seq = 3")
        machine.run("restore, compose")
        with closing(postgres.connect()) as connected:
            found = connected.execute("SELECT last_seq FROM library_changestate").fetchall()
    assert found == [(1_000_000_007,)]
    assert upload.read_bytes() == b"audio"


@pytest.mark.proof
@pytest.mark.timeout(400)
@pytest.mark.skipif(NGINX is None, reason="needs nginx (make system-tools)")
def test_life_of_a_server(folder: Path, tmp_path: Path) -> None:
    """Set it up, change the password, back up, restore, upgrade, go back, and remove it."""
    machine = Machine(folder / "machine")
    machine.get_code()
    code, data = machine.root / "opt/clips", machine.root / "var/lib/clips"
    machine.run("settings")
    assert (code / ".env").stat().st_mode & 0o777 == 0o640
    with (code / ".env").open("a") as settings:
        settings.write(f"PORT={machine.port}\nCLIPS_METRICS_PORT=0\n")
    https = free_port()
    with NginxProgram(tmp_path, encrypted(tmp_path, machine.port, free_port(), https)):
        try:
            site = Site(f"https://localhost:{https}", tmp_path / "certificate.pem")
            machine.run("start")
            machine.await_service()
            first = machine.run("first password").strip()
            assert site.lets_in("admin", first)
            assert not site.lets_in("editor", "editor")

            machine.run("change password", stdin="a new password 7\n" * 2)
            assert not site.lets_in("admin", first)
            assert site.lets_in("admin", "a new password 7")
            assert not (data / "admin-password").exists()

            until(lambda: bool(renditions(data)), timeout=60)
            for _ in range(3):
                assert site.get("/api/v1/clips/1/stream").status_code == 200
            before = site.get("/api/v1/clips?fields=id,title,play_count").json()
            saved = renditions(data)
            machine.run("back up")
            site.get("/api/v1/clips/2/stream")
            shutil.rmtree(data / "media")
            (data / "secret_key").unlink()
            machine.run("restore")
            assert saved <= renditions(data)
            machine.await_service()
            assert site.get("/api/v1/clips?fields=id,title,play_count").json() == before
            assert site.lets_in("admin", "a new password 7")

            machine.run("upgrade")
            machine.run("roll back")
            machine.await_service()
            assert site.get("/api/v1/clips?fields=id,title,play_count").json() == before
            assert (machine.root / "made").read_text().split()[-1] == "install"

            machine.run("deactivate first accounts")
            assert not site.lets_in("admin", "a new password 7")
            machine.run("remove")
        finally:
            machine.kill()
    assert (machine.root / "deleted").read_text() == "clips\n"
    left = {path for path in machine.root.rglob("*") if "clips" in path.name}
    backups = machine.root / "var/backups/clips"
    assert {path for path in left if not path.is_relative_to(backups)} == set()
    assert processes_in(machine.root) == []


def renditions(data: Path) -> set[str]:
    return {path.name for path in data.glob("media/renditions/*/*.mp3")}


def processes_in(folder: Path) -> list[str]:
    """Return the processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").resolve().is_relative_to(folder):
                found.append((process / "cmdline").read_text())
    return found
