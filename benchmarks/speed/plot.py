"""Bar charts as SVG."""

from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, LABELS, VALUES = 860, 300, 70  # pixels: all, left of the bars, right of them
BAR, GAP, TOP = 12, 14, 56
COLOURS = ("#9aa5b1", "#62b6cb", "#1b4965")
INK, GOAL = "#334155", "#d1495b"


@dataclass(frozen=True)
class Group:
    """Bars that belong together: one value for each series or None, and a goal to mark."""

    label: str
    values: tuple[float | None, ...]
    goal: float | None = None


def bars(title: str, series: tuple[str, ...], groups: list[Group]) -> str:
    """Return horizontal bars, a colour for each series; a line marks each goal."""
    largest = max(
        value for group in groups for value in (*group.values, group.goal) if value is not None
    )
    scale = (WIDTH - LABELS - VALUES) / largest
    parts: list[str] = []
    y = TOP
    for group in groups:
        shown = [
            (colour, value)
            for colour, value in zip(COLOURS, group.values, strict=False)
            if value is not None
        ]
        height = BAR * len(shown)
        middle = y + height / 2 + 4
        parts.append(_text(LABELS - 10, middle, group.label, anchor="end"))
        for number, (colour, value) in enumerate(shown):
            top = y + number * BAR
            parts.append(_rectangle(LABELS, top, value * scale, BAR - 1, colour))
            parts.append(_text(LABELS + value * scale + 5, top + BAR - 2, f"{value:.2f}", size=10))
        if group.goal is not None:
            parts.append(_rectangle(LABELS + group.goal * scale - 1, y - 3, 2, height + 5, GOAL))
        y += height + GAP
    legend = [
        *zip(series, COLOURS, strict=False),
        *([("goal", GOAL)] if any(group.goal is not None for group in groups) else []),
    ]
    for number, (name, colour) in enumerate(legend):
        x = LABELS + number * 130
        parts += [_rectangle(x, 32, 10, 10, colour), _text(x + 15, 41, name, size=11)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img" '
        f'font-family="sans-serif">\n<title>{escape(title)}</title>\n'
        f'<rect width="100%" height="100%" fill="white"/>\n'
        f"{_text(16, 20, title, size=14)}\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"'
    return f'<text {place} fill="{INK}">{escape(text)}</text>'


def _rectangle(x: float, y: float, width: float, height: float, colour: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {place} fill="{colour}"/>'
