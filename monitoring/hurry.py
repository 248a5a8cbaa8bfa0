"""Prometheus' configuration in a hurry: hours pass in seconds, for tests and demonstrations.

Every window and every `for` of the rules is divided by one number, so their proportions stay; all
groups are evaluated as often as the service is scraped. Names and labels stay too: `increase1h` is
then of a shorter hour.
"""

import re
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "prometheus"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def hurry(
    folder: Path,
    targets: dict[int, str],
    *,
    factor: float,
    interval: str,
    alertmanager: str | None = None,
) -> Path:
    """Write the configuration into a folder; returns its file.

    `targets` says at which address each port of the compose file's service is instead. Without an
    Alertmanager nobody is told of alerts.
    """
    configuration: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    configuration["global"] |= {"scrape_interval": interval, "evaluation_interval": interval}
    configuration["rule_files"] = [str(folder / name) for name in configuration["rule_files"]]
    for job in configuration["scrape_configs"]:
        (discovery,) = job.pop("dns_sd_configs")
        job["static_configs"] = [{"targets": [targets[discovery["port"]]]}]
    del configuration["alerting"]
    if alertmanager:
        static = [{"targets": [alertmanager]}]
        configuration["alerting"] = {"alertmanagers": [{"static_configs": static}]}
    for path in FOLDER.glob("rules/*.yml"):
        hurried = folder / "rules" / path.name
        hurried.parent.mkdir(exist_ok=True)
        hurried.write_text(yaml.safe_dump(_hurried(yaml.safe_load(path.read_text()), factor)))
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(configuration))
    return path


def _hurried(rules: dict[str, Any], factor: float) -> dict[str, Any]:
    for group in rules["groups"]:
        group.pop("interval", None)
        for rule in group["rules"]:
            rule["expr"] = re.sub(r"\[.+?\]", lambda found: shorter(found[0], factor), rule["expr"])
            if "for" in rule:
                rule["for"] = shorter(rule["for"], factor)
    return rules


def shorter(text: str, factor: float) -> str:
    """The text with every duration in it divided, to the millisecond."""
    return re.sub(
        r"\b(\d+)([smhd])\b",
        lambda found: f"{int(found[1]) * UNITS[found[2]] * 1000 / factor:.0f}ms",
        text,
    )
