"""Plays per day as a small chart inside a line of text."""

from collections.abc import Sequence
from datetime import date, timedelta

from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

STEP, HEIGHT = 4, 24  # units of the drawing: the width of a bar and its gap, the highest bar


def sparkline(plays: Sequence[int], today: date) -> SafeString:
    """Return an SVG with a bar for each day, today's last, and its description as the title."""
    most = max(plays, default=0)
    bars = "".join(
        f"M{STEP * number + STEP // 2} {HEIGHT}v-{max(1, round(count / most * HEIGHT))}"
        for number, count in enumerate(plays)
        if count
    )
    return format_html(
        '<svg class="sparkline" viewBox="0 0 {width} {height}"'
        ' preserveAspectRatio="none" role="img"><title>{title}</title>'
        '<path class="sparkline-ground" d="M0 {height}h{width}"/><path d="{bars}"/></svg>',
        width=STEP * len(plays),
        height=HEIGHT,
        title=_description(plays, today),
        bars=bars,
    )


def _description(plays: Sequence[int], today: date) -> str:
    total, days = sum(plays), len(plays)
    if not total:
        return f"No plays in the last {days} days"
    most = max(plays)
    busiest = today - timedelta(days=days - 1 - plays.index(most))
    return (
        f"{total:,} play{'s' * (total != 1)} in the last {days} days,"
        f" the most on {date_format(busiest, 'j F')}: {most:,}"
    )
