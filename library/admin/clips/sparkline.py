"""A few numbers as a small chart that a line of text can hold."""

from collections.abc import Sequence
from datetime import date, timedelta

from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

STEP, HEIGHT = 4, 24  # units of the drawing: of a bar with the gap beside it, of the highest bar


def sparkline(plays: Sequence[int], today: date) -> SafeString:
    """Bars for the plays of each day, today's the last; the same in words for who cannot see it."""
    most = max(plays, default=0)
    bars = "".join(
        f"M{STEP * number + STEP // 2} {HEIGHT}v-{max(1, round(count / most * HEIGHT))}"
        for number, count in enumerate(plays)
        if count
    )
    return format_html(
        '<svg class="sparkline" viewBox="0 0 {width} {height}"'
        ' preserveAspectRatio="none" role="img"><title>{told}</title>'
        '<path class="sparkline-ground" d="M0 {height}h{width}"/><path d="{bars}"/></svg>',
        width=STEP * len(plays),
        height=HEIGHT,
        told=_told(plays, today),
        bars=bars,
    )


def _told(plays: Sequence[int], today: date) -> str:
    total, days = sum(plays), len(plays)
    if not total:
        return f"No plays in the last {days} days"
    most = max(plays)
    busiest = today - timedelta(days=days - 1 - plays.index(most))
    return (
        f"{total:,} play{'s' * (total != 1)} in the last {days} days,"
        f" the most, {most:,}, on {date_format(busiest, 'j F')}"
    )
