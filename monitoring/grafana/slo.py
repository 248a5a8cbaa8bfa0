"""The dashboard Clips SLO: are the objectives kept, and how fast are their budgets spent."""

from typing import NamedTuple

from grafana_foundation_sdk.builders import dashboard, stat

from monitoring.grafana.board import board
from monitoring.grafana.panels import (
    Chart,
    Panel,
    chart,
    colored,
    limits,
    number,
    thresholds,
    timeline,
)
from monitoring.grafana.queries import Query

WINDOWS = {
    "5m": "5 minutes",
    "30m": "30 minutes",
    "1h": "an hour",
    "2h": "2 hours",
    "6h": "6 hours",
    "1d": "a day",
    "3d": "3 days",
    "30d": "30 days",
}
PACES = ((1, "yellow"), (3, "orange"), (6, "red"), (14.4, "dark-red"))  # that alerts are for


class Objective(NamedTuple):
    """An objective of slo.yml: the share of streams that may miss it, and who counts them.

    The counters are those of slo_windows.yml, without the window.
    """

    name: str
    what: str
    budget: float
    missed: str
    judged: str

    def missed_share(self, window: str) -> str:
        """The share of streams that missed the objective in a window."""
        return (
            f"sum({self.missed}:increase{window}{{$chosen}})"
            f" / sum({self.judged}:increase{window}{{$chosen}})"
        )


AVAILABILITY = Objective(
    "Availability",
    "streams that begin and do not break off, of those asked for. Streams that an origin is to "
    "blame for are not judged",
    0.001,
    "instance:clips_streams_failed",
    "instance:clips_streams_asked",
)
FIRST_BYTE = Objective(
    "Time to first byte",
    "streams whose first byte comes within half a second, of those that begin",
    0.01,
    "instance:clips_streams_slow",
    "instance:clips_streams_begun",
)


def slo() -> dashboard.Dashboard:
    """The dashboard."""
    objectives = (AVAILABILITY, FIRST_BYTE)
    return board(
        "clips-slo",
        "Clips SLO",
        "The objectives of streaming, their error budgets, and the alerts that watch them.",
        "6h",
        {
            "Objectives over 30 days": [
                panel for each in objectives for panel in (kept(each), budget_left(each))
            ],
            "Burn rates": [burn_rates(each) for each in objectives],
            "Streams in the windows": [
                panel for each in objectives for panel in (counted(each), missed(each))
            ],
            "Now": [firing(), as_listeners_see_it()],
        },
    )


def kept(objective: Objective) -> stat.Panel:
    """The share that the objective is about."""
    goal = 1 - objective.budget
    return (
        number(
            objective.name,
            f"In 30 days, {objective.what}. The objective is {goal:.1%}.",
            "percentunit",
            Query(f"1 - {objective.missed_share('30d')}", "30 days"),
            height=5,
        )
        .decimals(3)
        .thresholds(thresholds("red", (goal, "green")))
        .no_value("No streams")
    )


def budget_left(objective: Objective) -> stat.Panel:
    """What may still be missed."""
    return (
        number(
            f"{objective.name}: error budget left",
            f"Of the {objective.budget:.1%} of streams that may miss the objective in 30 days. "
            "Below zero the objective is missed.",
            "percentunit",
            Query(f"1 - ({objective.missed_share('30d')}) / {objective.budget}", "left"),
            height=5,
        )
        .decimals(1)
        .thresholds(thresholds("red", (0, "orange"), (0.25, "green")))
        .no_value("No streams")
    )


def burn_rates(objective: Objective) -> Chart:
    """How many times faster than evenly the budget is spent."""
    return limits(
        chart(
            f"{objective.name}: burn rates",
            "How many times too fast the error budget is spent: at 1 it lasts its 30 days. Alerts "
            "fire above 14.4 in an hour, 6 in 6 hours, 3 in a day and 1 in 3 days, while the "
            "twelfth part of the window agrees.",
            "none",
            *(
                Query(f"({objective.missed_share(window)}) / {objective.budget}", name)
                for window, name in WINDOWS.items()
                if window != "30d"
            ),
        )
        .axis_soft_max(2)
        .no_value("No streams"),
        "transparent",
        *PACES,
    )


def counted(objective: Objective) -> stat.Panel:
    """How many streams are judged in each window."""
    return _in_windows(
        f"{objective.name}: streams judged",
        "Streams in each window. Few of them make rates jump.",
        objective.judged,
    )


def missed(objective: Objective) -> stat.Panel:
    """How many streams missed the objective in each window."""
    return _in_windows(
        f"{objective.name}: streams that missed it",
        "Streams in each window. No alert fires for fewer than ten.",
        objective.missed,
    ).thresholds(thresholds("green", (10, "red")))


def _in_windows(title: str, description: str, counter: str) -> stat.Panel:
    queries = (
        Query(f"sum({counter}:increase{window}{{$chosen}})", name)
        for window, name in WINDOWS.items()
    )
    return number(title, description, "locale", *queries, height=12).decimals(0)


def firing() -> Panel:
    """The alerts that fire."""
    return timeline(
        "Firing alerts",
        "Of the chosen jobs, with those that concern no instance alone. Watchdog always fires: it "
        "tells that the rules are at work.",
        Query(
            'count by (alertname, severity) (ALERTS{job=~"$job", alertstate="firing"})',
            "{{alertname}} ({{severity}})",
        ),
        {"warning": "orange", "Watchdog": "green"},
    )


def as_listeners_see_it() -> Chart:
    """What the objective leaves out is shown too."""
    failed = "rate(clips_streams_refused_total{$chosen%s}[$__rate_interval])"
    broken = 'rate(clips_streams_finished_total{$chosen, outcome="error"}[$__rate_interval])'
    begun = "sum(rate(clips_streams_started_total{$chosen}[$__rate_interval]))"
    ours, all_of_them = failed % ', code!~"origin_.*"', failed % ""
    return colored(
        chart(
            "Streams that fail",
            "Of the streams asked for, those refused or broken off: as the objective judges, and "
            "as listeners see it, who do not care that an origin is to blame.",
            "percentunit",
            Query(f"sum({ours} or {broken}) / (sum({ours}) + {begun})", "judged"),
            Query(
                f"sum({all_of_them} or {broken}) / (sum({all_of_them}) + {begun})",
                "as listeners see it",
            ),
        ),
        {"judged": "red", "as listeners see it": "orange"},
    ).no_value("No streams")
