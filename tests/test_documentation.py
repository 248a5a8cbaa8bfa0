"""What the documentation promises is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SETTINGS = "".join(
    (ROOT / "clips_site" / name).read_text() for name in ("settings.py", "security.py")
)
VARIABLES = sorted(set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', SETTINGS)))
ROWS = re.findall(r"^\| (`.+?) \|", (ROOT / "docs/configuration.md").read_text(), re.MULTILINE)
PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "monitoring" / "README.md"]


def named(row: str) -> set[str]:
    """The variables of a row, of which later ones may be told by their ends alone."""
    first, *others = re.findall(r"`(\w+)`", row)
    words = first.split("_")
    starts = ["_".join(words[:length]) for length in range(1, len(words))]
    ends = [other for other in others if other.startswith("_")]
    whole = [other for other in others if not other.startswith("_")]
    return {first, *whole, *(start + end for start in starts for end in ends)}


@pytest.mark.parametrize("variable", VARIABLES)
def test_variable_is_in_the_table(variable: str) -> None:
    assert any(variable in named(row) for row in ROWS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_links_to_is_there(page: Path) -> None:
    targets = re.findall(r"\]\(((?!https?:)[^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []
