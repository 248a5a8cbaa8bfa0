"""Writes what is made of other files: `python -m monitoring`, or `make dashboards`.

Grafana's dashboards of the modules in `grafana/`, and of `runbook.md` the page that Prometheus
serves.
"""

from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from monitoring.grafana.clips import clips
from monitoring.grafana.slo import slo
from monitoring.runbook import page

FOLDER = Path(__file__).parent


def files() -> dict[Path, str]:
    """The text of each file."""
    dashboards = [made.build() for made in (clips(), slo())]
    encode = JSONEncoder(indent=2, ensure_ascii=False).encode
    return {
        FOLDER / "prometheus/consoles/runbook.html": page((FOLDER / "runbook.md").read_text()),
        **{
            FOLDER / f"grafana/dashboards/{dashboard.uid}.json": encode(dashboard) + "\n"
            for dashboard in dashboards
        },
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
