"""The box of `make run`."""

import io

import pytest

from clips_site.server.greeting import box

LINES = {"Listen": "http://localhost:8000/", "Stop": "Ctrl-C"}


class Terminal(io.StringIO):
    """A terminal with an encoding."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._name = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._name

    def isatty(self) -> bool:
        return True


TYPED = """\
+--------------------------------+
| Listen  http://localhost:8000/ |
| Stop    Ctrl-C                 |
+--------------------------------+"""


def test_box_in_a_file_is_ascii() -> None:
    assert box(LINES, io.StringIO()) == TYPED


@pytest.mark.parametrize(
    ("terminal", "encoding"), [("dumb", "utf-8"), ("", "utf-8"), ("xterm", "iso-8859-1")]
)
def test_box_on_a_simple_terminal_is_ascii(
    monkeypatch: pytest.MonkeyPatch, terminal: str, encoding: str
) -> None:
    monkeypatch.setenv("TERM", terminal)
    assert box(LINES, Terminal(encoding)) == TYPED


def test_box_on_a_terminal_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    drawn = box(LINES, Terminal("UTF-8"))
    assert drawn.translate(str.maketrans("╭╮╰╯─│", "++++-|")) == TYPED
