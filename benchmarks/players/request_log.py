"""The requests for streams that players make, read from the lines of `request_worker`."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

MARK = "request\t"
CONDITIONS = ("If-Match", "If-Range", "If-None-Match")
GUNICORN_ARGUMENTS = "--worker-class benchmarks.players.request_worker.RequestWorker"


@dataclass(frozen=True)
class Request:
    """A request for a stream; `conditions` names its conditional fields."""

    method: str
    range: str
    conditions: str
    status: str

    def __str__(self) -> str:
        words = [self.range.removeprefix("bytes=")] if self.range else []
        words += [self.method] if self.method != "GET" else []
        return f"{' '.join([*words, self.conditions]).strip() or 'whole'} → {self.status}"


def read_requests(log: Path) -> dict[str, list[Request]]:
    """Return the requests in order of arrival, by path."""
    lines = [line.split("\t")[1:] for line in log.read_text().splitlines() if line.startswith(MARK)]
    found: dict[str, list[Request]] = defaultdict(list)
    for _, path, *fields in sorted(lines, key=lambda line: float(line[0])):
        found[path].append(Request(*fields))
    return found
