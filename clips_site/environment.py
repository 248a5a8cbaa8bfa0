"""Reads settings from the environment, finds every mistake at start-up, and reports all at once."""

import os
import re
import secrets
from contextlib import suppress
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvValidationError, ValidationError

PREFIX = "CLIPS_"  # of the variables that belong to this service alone
# Names with these prefixes that closely resemble a setting's are mistakes. Others belong to other
# programs, such as POSTGRES_INITDB_ARGS.
SHARED_PREFIXES = ("POSTGRES_", "DJANGO_", "WEB_")
RESEMBLANCE = 0.75  # of what follows the prefix: one or two letters differ
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# Kubernetes gives pods such variables for each Service, whose name may begin with `clips`.
SERVICE_LINK = re.compile(r".+(_SERVICE_HOST|_SERVICE_PORT(_\w+)?|_(TCP|UDP|SCTP)(_[A-Z]+)?)")
LINK_ADDRESS = re.compile(r"(tcp|udp|sctp)://")
NUMBER = re.compile(r"[0-9.eE+-]*")


class InvalidSettingsError(ImproperlyConfigured):
    """Settings are invalid. The message has a line for each variable, and needs no traceback."""


class Environment(Env):
    """The environment and a `.env` file. Call `finish` after the last setting has been read.

    The value of an invalid setting is None until then.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(eager=False)
        self.read_env(str(file), recurse=False)
        self._problems: dict[str, list[str]] = {}
        self._files: list[str] = []

    def secret(self, name: str, validate: Any = None) -> str:
        """Return a secret: the value of the variable, or the text of the file that NAME_FILE names.

        Containers get secrets as files. Line breaks at the end of a file are removed.
        """
        path_name = f"{name}_FILE"
        self._files.append(path_name)
        value: str = self.str(name, "", validate=validate)
        path = os.environ.get(path_name, "")
        if not path:
            return value
        if os.environ.get(name):
            self.refuse(path_name, f"Set {name} or {path_name}, not both.")
            return ""
        try:
            value = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
            if not value or CONTROL.search(value):
                self.refuse(path_name, "The file must have one line of text.")
            elif validate is not None:
                validate(value)
        except OSError as error:
            self.refuse(path_name, f"The file cannot be read: {error.strerror}.")
        except UnicodeDecodeError:
            self.refuse(path_name, "The file is not UTF-8.")
        except ValidationError as error:
            self.refuse(path_name, *map(str, error.messages))
        return value

    def directory(self, name: str, default: Path, *, create: bool = False) -> Path:
        """Return the path of a directory, which need not exist yet unless `create`."""
        given = self.str(name, "")
        path = Path(given or default).absolute()
        try:
            if create:
                path.mkdir(parents=True, exist_ok=True)
            elif (
                given and not next(part for part in (path, *path.parents) if part.exists()).is_dir()
            ):
                self.refuse(name, "The path leads to a file. Set that of a directory.")
        except OSError as error:
            self.refuse(name, f"The directory cannot be created: {error.strerror}.")
        return path

    def local_secret(self, name: str, directory: Path) -> str:
        """Return `local_secret` of a directory, which the variable sets."""
        try:
            return local_secret(directory / "secret_key")
        except OSError as error:
            if name not in self._problems:
                self.refuse(name, f"The directory cannot be used: {error.strerror}.")
            return ""

    def refuse(self, name: str, *messages: str) -> None:
        """Report a variable whose value is valid alone, but not together with other settings."""
        self._problems.setdefault(name, []).extend(messages)

    def refuse_disorder(self, *names: str) -> None:
        """Report a minimum above a maximum, or a number that is given and not between them."""
        values = self.dump()
        ends = (names[0], names[-1])
        compared = [name for name in names if name in ends or os.environ.get(name)]
        for lower, higher in pairwise(compared):
            if lower in values and higher in values and values[lower] > values[higher]:
                self.refuse(lower, f"Must not exceed {higher}.")

    def finish(self) -> None:
        """Raise InvalidSettingsError if there are problems. It names each variable, no value."""
        known = {*self.dump(), *self._files}
        try:
            self.seal()
        except EnvValidationError as error:
            invalid: dict[str, list[object]] = error.error_messages  # type: ignore[assignment]
            for name, messages in invalid.items():
                self.refuse(name, *map(str, messages))
                known.add(name)
        values = self.dump()
        for name in known:
            text = os.environ.get(name, "")
            if CONTROL.search(text):
                self._problems[name] = ["Must not contain line breaks or control characters."]
            elif type(values.get(name)) in (int, float) and not NUMBER.fullmatch(text.strip()):
                self.refuse(name, "Must be a number in the digits 0 to 9.")  # Python reads others
        for name in sorted(set(os.environ) - known):
            if name.startswith(PREFIX) and not _is_service_link(name):
                self.refuse(name, _unknown(name, known))
            elif meant := _meant(name, known):
                self.refuse(name, f"Unknown setting. Did you mean {meant}?")
        if self._problems:
            lines = (f"{name}: {' '.join(found)}" for name, found in self._problems.items())
            raise InvalidSettingsError("\n".join(lines))


def local_secret(path: Path) -> str:
    """Return this machine's secret key, which the first process to need it generates."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        with NamedTemporaryFile("w", dir=path.parent) as file, suppress(FileExistsError):
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.link(file.name, path)  # at once, so that no process reads an incomplete key
    return path.read_text()


def _is_service_link(name: str) -> bool:
    return bool(SERVICE_LINK.fullmatch(name) or LINK_ADDRESS.match(os.environ[name]))


def _meant(name: str, known: set[str]) -> str | None:
    """Return the setting that a name resembles if it has one of SHARED_PREFIXES, or None."""
    for prefix in SHARED_PREFIXES:
        if name.startswith(prefix) and not _is_service_link(name):
            rests = [other.removeprefix(prefix) for other in known if other.startswith(prefix)]
            closest = get_close_matches(name.removeprefix(prefix), rests, 1, RESEMBLANCE)
            return prefix + closest[0] if closest else None
    return None


def _unknown(name: str, known: set[str]) -> str:
    closest = get_close_matches(name, known, n=1)
    return "Unknown setting." + (f" Did you mean {closest[0]}?" if closest else "")
