"""Generate Grafana's dashboards and the runbook page: `make dashboards`.

The dashboards are defined in `grafana/`; the page, which Prometheus serves, is made from
`runbook.md`.
"""

from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from monitoring.grafana.clips import clips
from monitoring.grafana.slo import slo
from monitoring.runbook import page

FOLDER = Path(__file__).parent


def files() -> dict[Path, str]:
    """Return the generated files, by path."""
    dashboards = [builder.build() for builder in (clips(), slo())]
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
