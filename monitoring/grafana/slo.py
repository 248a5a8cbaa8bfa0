"""The dashboard Clips SLO: objectives, error budgets and burn rates."""

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
# The burn rates above which alerts fire
BURN_RATES = ((1, "yellow"), (3, "orange"), (6, "red"), (14.4, "dark-red"))


class Objective(NamedTuple):
    """An objective of slo.yml, its budget (the share of streams that may miss it) and counters.

    The counters are recorded by slo_windows.yml; their names here lack the window.
    """

    name: str
    meaning: str
    budget: float
    missed: str
    total: str

    def missed_share(self, window: str) -> str:
        """Return an expression for the share of streams that missed the objective in a window."""
        return (
            f"sum({self.missed}:increase{window}{{$chosen}})"
            f" / sum({self.total}:increase{window}{{$chosen}})"
        )


AVAILABILITY = Objective(
    "Availability",
    "share of the requested streams that begin and do not break off. Streams that fail because of "
    "their origin are not counted",
    0.001,
    "instance:clips_streams_failed",
    "instance:clips_streams_asked",
)
FIRST_BYTE = Objective(
    "Time to first byte",
    "share of the streams that begin whose first byte is sent within half a second",
    0.01,
    "instance:clips_streams_slow",
    "instance:clips_streams_begun",
)


def slo() -> dashboard.Dashboard:
    """Return the dashboard."""
    objectives = (AVAILABILITY, FIRST_BYTE)
    return board(
        "clips-slo",
        "Clips SLO",
        "The objectives of streaming, their error budgets, and the related alerts.",
        "6h",
        {
            "Objectives over 30 days": [
                panel for each in objectives for panel in (_achieved(each), _budget_left(each))
            ],
            "Burn rates": [_burn_rates(each) for each in objectives],
            "Streams in the windows": [
                panel for each in objectives for panel in (_counted(each), _missed(each))
            ],
            "Now": [_firing(), _failures()],
        },
    )


def _achieved(objective: Objective) -> stat.Panel:
    goal = 1 - objective.budget
    return (
        number(
            objective.name,
            f"Over 30 days, the {objective.meaning}. The objective is {goal:.1%}.",
            "percentunit",
            Query(f"1 - {objective.missed_share('30d')}", "30 days"),
            height=5,
        )
        .decimals(3)
        .thresholds(thresholds("red", (goal, "green")))
        .no_value("No streams")
    )


def _budget_left(objective: Objective) -> stat.Panel:
    return (
        number(
            f"{objective.name}: error budget left",
            f"Remaining share of the {objective.budget:.1%} of streams that may miss the objective "
            "in 30 days. Below zero the objective is missed.",
            "percentunit",
            Query(f"1 - ({objective.missed_share('30d')}) / {objective.budget}", "left"),
            height=5,
        )
        .decimals(1)
        .thresholds(thresholds("red", (0, "orange"), (0.25, "green")))
        .no_value("No streams")
    )


def _burn_rates(objective: Objective) -> Chart:
    return limits(
        chart(
            f"{objective.name}: burn rates",
            "Speed at which the error budget is spent. At 1 it lasts its 30 days. Alerts fire "
            "above 14.4 in an hour, 6 in 6 hours, 3 in a day and 1 in 3 days, if the last twelfth "
            "of the window is above it too.",
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
        *BURN_RATES,
    )


def _counted(objective: Objective) -> stat.Panel:
    return _in_windows(
        f"{objective.name}: streams counted",
        "Streams in each window. With few streams the burn rates vary widely.",
        objective.total,
    )


def _missed(objective: Objective) -> stat.Panel:
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


def _firing() -> Panel:
    return timeline(
        "Firing alerts",
        "Alerts of the selected jobs, including alerts without an instance. Watchdog always fires, "
        "which shows that the rules are evaluated.",
        Query(
            'count by (alertname, severity) (ALERTS{job=~"$job", alertstate="firing"})',
            "{{alertname}} ({{severity}})",
        ),
        {"warning": "orange", "Watchdog": "green"},
    )


def _failures() -> Chart:
    """Return a chart that includes the failures of origins."""
    failed = "rate(clips_streams_refused_total{$chosen%s}[$__rate_interval])"
    broken = 'rate(clips_streams_finished_total{$chosen, outcome="error"}[$__rate_interval])'
    begun = "sum(rate(clips_streams_started_total{$chosen}[$__rate_interval]))"
    service, all_causes = failed % ', code!~"origin_.*"', failed % ""
    return colored(
        chart(
            "Streams that fail",
            "Share of the requested streams that are refused or break off: without failures of "
            "origins, as the objective counts them, and with them, as listeners see them.",
            "percentunit",
            Query(f"sum({service} or {broken}) / (sum({service}) + {begun})", "by the objective"),
            Query(
                f"sum({all_causes} or {broken}) / (sum({all_causes}) + {begun})",
                "as listeners see it",
            ),
        ),
        {"by the objective": "red", "as listeners see it": "orange"},
    ).no_value("No streams")
