"""A real Prometheus on loopback that evaluates the project's rules at an accelerated pace."""

import math
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

import requests

from harness.accelerated_rules import FOLDER, write_configuration
from harness.client import new_session
from harness.service import free_port


class Series(NamedTuple):
    """One series of a query's result, with its newest value."""

    labels: dict[str, str]
    value: float


class MonitoringProgram:
    """Prometheus or Alertmanager, which answer /-/ready; stopped when the `with` block ends.

    The program's name becomes the name of its log.
    """

    def __init__(self, folder: Path, address: str, *command: str) -> None:
        self.address = address
        self.url = f"http://{address}"
        self._log = folder / f"{command[0]}.log"
        with self._log.open("wb") as log:
            listen = f"--web.listen-address={address}"
            self._process = subprocess.Popen(
                [*command, listen], stdout=log, stderr=subprocess.STDOUT
            )
        self._session = new_session()
        self.wait(self._is_ready, "answer")

    def get(self, path: str, **parameters: str | float) -> requests.Response:
        """Return its response to a request."""
        return self._session.get(f"{self.url}{path}", params=parameters, timeout=10)

    def wait(self, condition: Callable[[], object], action: object, seconds: float = 30) -> None:
        """Return when the condition holds. Raise TimeoutError, which names the action, if not."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._process.poll() is None:
            if condition():
                return
            time.sleep(0.05)
        raise TimeoutError(f"No success at: {action}\n{self._log.read_text()[-5000:]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()
        self._process.terminate()
        self._process.wait(timeout=30)

    def _is_ready(self) -> bool:
        try:
            return self.get("/-/ready").ok
        except requests.ConnectionError:
            return False


class Prometheus(MonitoringProgram):
    """Scrapes a service every second and evaluates the rules, whose windows it divides by `factor`.

    `targets` are a server's `scrape_targets`, `alertmanager` is an address to send alerts to.
    """

    def __init__(
        self,
        folder: Path,
        targets: dict[int, str],
        *,
        factor: float = 60,
        alertmanager: str | None = None,
    ) -> None:
        address = f"127.0.0.1:{free_port()}"
        configuration = write_configuration(
            folder, targets, factor=factor, alertmanager=alertmanager
        )
        super().__init__(
            folder,
            address,
            "prometheus",
            f"--config.file={configuration}",
            f"--storage.tsdb.path={folder / 'storage'}",
            f"--web.external-url=http://{address}",
            f"--web.console.templates={FOLDER / 'consoles'}",
            f"--web.console.libraries={FOLDER / 'consoles'}",
        )

    def query(self, expression: str) -> list[Series]:
        """Return the present result of a query, without series that are NaN."""
        return self._query("query", "value", query=expression)

    def range(self, expression: str, since: float, until: float, step: float) -> list[Series]:
        """Return the series that a query finds in a period, as a chart requests them."""
        return self._query(
            "query_range", "values", query=expression, start=since, end=until, step=step
        )

    def firing(self) -> list[dict[str, str]]:
        """Return the labels of the firing alerts."""
        return [series.labels for series in self.query('ALERTS{alertstate="firing"}')]

    def await_scrape(self) -> None:
        """Wait for a scrape that begins after this call."""
        now = time.time()
        scraped = "timestamp(clips_database_up)"
        self.wait(lambda: min((s.value for s in self.query(scraped)), default=0) > now, "scrape")

    def _query(self, endpoint: str, key: str, **parameters: str | float) -> list[Series]:
        reply = self.get(f"/api/v1/{endpoint}", **parameters)
        if not reply.ok:
            raise ValueError(f"{parameters}: {reply.text}")
        found = []
        for result in reply.json()["data"]["result"]:
            pairs: list[Any] = result[key] if key == "values" else [result[key]]
            finite = [float(value) for _, value in pairs if math.isfinite(float(value))]
            if finite:
                found.append(Series(result["metric"], finite[-1]))
        return found
