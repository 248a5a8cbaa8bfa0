"""A real Prometheus on loopback with the project's configuration, in a hurry."""

import math
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

import requests

from monitoring.hurry import FOLDER, hurry


class Series(NamedTuple):
    """One series of an answer: its labels, and its samples by the time (seconds since 1970)."""

    labels: dict[str, str]
    samples: list[tuple[float, float]]

    @property
    def last(self) -> float:
        """The newest number; NaN where there is none."""
        return self.samples[-1][1] if self.samples else math.nan


class Prometheus:
    """Scrapes a service, and evaluates the rules as often; its parameters are those of `hurry`."""

    def __init__(
        self,
        folder: Path,
        targets: dict[int, str],
        *,
        factor: float = 60,
        interval: str = "1s",
        alertmanager: str | None = None,
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = f"127.0.0.1:{listener.getsockname()[1]}"
        self.url = f"http://{address}"
        self._log = folder / "prometheus.log"
        configuration = hurry(
            folder, targets, factor=factor, interval=interval, alertmanager=alertmanager
        )
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={configuration}",
                    f"--storage.tsdb.path={folder / 'storage'}",
                    f"--web.listen-address={address}",
                    f"--web.external-url={self.url}",
                    f"--web.console.templates={FOLDER / 'consoles'}",
                    f"--web.console.libraries={FOLDER / 'consoles'}",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._session = requests.Session()
        self._session.trust_env = False
        self.wait(self._is_ready, "answer")

    def get(self, path: str, **parameters: str | float) -> requests.Response:
        """Its answer to a request."""
        return self._session.get(f"{self.url}{path}", params=parameters, timeout=10)

    def query(self, expression: str) -> list[Series]:
        """What a query gives at this moment; NaN, a ratio of nothing, is none."""
        return self._ask("query", "value", query=expression)

    def range(self, expression: str, since: float, until: float, step: float) -> list[Series]:
        """What a query gives over some time, as a chart asks for it."""
        return self._ask(
            "query_range", "values", query=expression, start=since, end=until, step=step
        )

    def firing(self) -> list[dict[str, str]]:
        """The labels of the alerts that fire."""
        return [series.labels for series in self.query('ALERTS{alertstate="firing"}')]

    def await_scrape(self) -> None:
        """Wait until what the service tells now has been scraped."""
        now = time.time()
        scraped = "timestamp(clips_database_up)"
        self.wait(lambda: min((s.last for s in self.query(scraped)), default=0) > now, "see")

    def wait(self, condition: Callable[[], object], what: object, seconds: float = 30) -> None:
        """Ask until the condition holds. Raises TimeoutError if it does not, and says `what`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._process.poll() is None:
            if condition():
                return
            time.sleep(0.05)
        raise TimeoutError(f"Prometheus did not {what}:\n{self._log.read_text()[-5000:]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()
        self._process.terminate()
        self._process.wait(timeout=30)

    def _ask(self, kind: str, key: str, **parameters: str | float) -> list[Series]:
        reply = self.get(f"/api/v1/{kind}", **parameters)
        if not reply.ok:
            raise ValueError(f"{parameters}: {reply.text}")
        found = []
        for result in reply.json()["data"]["result"]:
            pairs: list[Any] = result[key] if key == "values" else [result[key]]
            numbers = [(moment, float(value)) for moment, value in pairs]
            finite = [(moment, value) for moment, value in numbers if math.isfinite(value)]
            if finite:
                found.append(Series(result["metric"], finite))
        return found

    def _is_ready(self) -> bool:
        try:
            return self.get("/-/ready").ok
        except requests.ConnectionError:
            return False
