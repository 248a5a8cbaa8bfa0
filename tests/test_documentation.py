"""The documentation: it lists every setting, and its links lead to existing files."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SETTINGS = "".join(
    (ROOT / "clips_site" / name).read_text() for name in ("settings.py", "security.py")
)
VARIABLES = sorted(set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', SETTINGS)))
ROWS = re.findall(r"^\| (`.+?) \|", (ROOT / "docs/configuration.md").read_text(), re.MULTILINE)
FOLDERS = ("benchmarks", "clips_site", "deploy", "docs", "monitoring")
PAGES = sorted(
    {*ROOT.glob("*.md"), *(page for name in FOLDERS for page in (ROOT / name).rglob("*.md"))}
)


def variables_of(row: str) -> set[str]:
    """Return the variables of a row. After the first, a row may give only the different endings."""
    first, *others = re.findall(r"`(\w+)`", row)
    words = first.split("_")
    starts = ["_".join(words[:length]) for length in range(1, len(words))]
    ends = [other for other in others if other.startswith("_")]
    whole = [other for other in others if not other.startswith("_")]
    return {first, *whole, *(start + end for start in starts for end in ends)}


@pytest.mark.parametrize("variable", VARIABLES)
def test_setting_is_documented(variable: str) -> None:
    assert any(variable in variables_of(row) for row in ROWS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_to_existing_files(page: Path) -> None:
    targets = re.findall(r"\]\(((?!https?:)[^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []
