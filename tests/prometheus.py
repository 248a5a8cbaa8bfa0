"""A real Prometheus with the project's configuration, which watches a service on loopback."""

import math
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import requests
import yaml

from tests.server import Server, free_port

CONFIGURATION = Path(__file__).parent.parent / "monitoring" / "prometheus"


class Prometheus:
    """Scrapes a service each second and evaluates the project's rules as often."""

    def __init__(self, folder: Path, service: Server) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._log = folder / "prometheus.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={_configuration(folder, service)}",
                    f"--storage.tsdb.path={folder / 'storage'}",
                    f"--web.listen-address={self.url.removeprefix('http://')}",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._session = requests.Session()
        self._session.trust_env = False
        self._await(self._is_ready, "answer")

    def query(self, expression: str) -> list[float]:
        """The numbers that an instant query gives; NaN, a ratio of nothing, is none."""
        reply = self._session.get(
            f"{self.url}/api/v1/query", params={"query": expression}, timeout=10
        )
        assert reply.ok, f"{expression}: {reply.text}"
        values = [float(sample["value"][1]) for sample in reply.json()["data"]["result"]]
        return [value for value in values if math.isfinite(value)]

    def await_scrape(self) -> None:
        """Wait until what the service tells now has been scraped."""
        now = time.time()
        self._await(lambda: min(self.query("timestamp(clips_database_up)"), default=0) > now, "see")

    def await_query(self, expression: str) -> None:
        """Wait until a query gives a number: rules are evaluated once a second."""
        self._await(lambda: self.query(expression), f"have {expression}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()
        self._process.terminate()
        self._process.wait(timeout=30)

    def _is_ready(self) -> bool:
        try:
            return self._session.get(f"{self.url}/-/ready", timeout=5).ok
        except requests.ConnectionError:
            return False

    def _await(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self._process.poll() is None:
            if condition():
                return
            time.sleep(0.05)
        log = self._log.read_text()
        self.__exit__()
        raise AssertionError(f"Prometheus did not {what}:\n{log}")


def _configuration(folder: Path, service: Server) -> Path:
    """The project's configuration, only faster and with another target."""
    configuration = yaml.safe_load((CONFIGURATION / "prometheus.yml").read_text())
    configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    configuration["rule_files"] = [
        str(CONFIGURATION / name) for name in configuration["rule_files"]
    ]
    (scrape,) = configuration["scrape_configs"]
    del scrape["dns_sd_configs"]
    scrape["static_configs"] = [{"targets": [service.scraped_at]}]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(configuration))
    return path
