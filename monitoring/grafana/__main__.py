"""Writes the dashboards for Grafana: `python -m monitoring.grafana`."""

from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from monitoring.grafana.clips import clips
from monitoring.grafana.slo import slo

FOLDER = Path(__file__).parent / "dashboards"


def files() -> dict[Path, str]:
    """The text of each file."""
    encoder = JSONEncoder(indent=2, ensure_ascii=False)
    boards = (made.build() for made in (clips(), slo()))
    return {FOLDER / f"{board.uid}.json": encoder.encode(board) + "\n" for board in boards}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
