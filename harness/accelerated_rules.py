"""Prometheus' configuration with shorter windows, so that a test sees hours pass in seconds.

Every window and every `for` of the rules is divided by the same factor, which keeps their
proportions, and all groups are evaluated at the scrape interval. Names and labels stay: an
`increase1h` then covers a shorter hour.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from harness.service import ROOT

FOLDER = ROOT / "monitoring/prometheus"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def write_configuration(
    folder: Path, targets: dict[int, str], *, factor: float, alertmanager: str | None = None
) -> Path:
    """Write the configuration and its rules to a folder; return the configuration file.

    `targets` maps each port of the compose file's service to the address to scrape instead.
    Without the address of an Alertmanager, no alerts are sent.
    """
    configuration: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    configuration["global"] |= {"scrape_interval": "1s", "evaluation_interval": "1s"}
    configuration["rule_files"] = [str(folder / name) for name in configuration["rule_files"]]
    for job in configuration["scrape_configs"]:
        (discovery,) = job.pop("dns_sd_configs")
        job["static_configs"] = [{"targets": [targets[discovery["port"]]]}]
    del configuration["alerting"]
    if alertmanager:
        static = [{"targets": [alertmanager]}]
        configuration["alerting"] = {"alertmanagers": [{"static_configs": static}]}
    (folder / "rules").mkdir()
    for path in FOLDER.glob("rules/*.yml"):
        rules = _accelerate(yaml.safe_load(path.read_text()), factor)
        (folder / "rules" / path.name).write_text(yaml.safe_dump(rules))
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(configuration))
    return path


def _accelerate(rules: dict[str, Any], factor: float) -> dict[str, Any]:
    for group in rules["groups"]:
        group.pop("interval", None)
        for rule in group["rules"]:
            rule["expr"] = re.sub(
                r"\[.+?\]", lambda found: divide_durations(found[0], factor), rule["expr"]
            )
            if "for" in rule:
                rule["for"] = divide_durations(rule["for"], factor)
    return rules


def divide_durations(text: str, factor: float) -> str:
    """Return the text with every duration in it divided, to the millisecond."""
    return re.sub(
        r"\b(\d+)([smhd])\b",
        lambda found: f"{int(found[1]) * UNITS[found[2]] * 1000 / factor:.0f}ms",
        text,
    )
