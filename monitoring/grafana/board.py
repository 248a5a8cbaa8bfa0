"""Dashboards: rows of panels with variables, links and alert annotations."""

from itertools import count

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from monitoring.grafana.panels import SCRAPED_EVERY, SOURCE, Panel


def board(
    uid: str, title: str, description: str, span: str, rows: dict[str, list[Panel]]
) -> dashboard.Dashboard:
    """Return a dashboard; rows have 24 columns, and `span` is the initial time range."""
    built = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["clips"])
        .timezone("browser")
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time(f"now-{span}", "now")
        .refresh(SCRAPED_EVERY)
        .version(1)
        .variables([_source(), _choice("job", ""), _choice("instance", '{job=~"$job"}')])
        .annotation(_firing_alerts())
        .link(
            dashboard.DashboardLink("Clips")
            .type(DashboardLinkType.DASHBOARDS)
            .tags(["clips"])
            .include_vars(include_vars=True)
            .keep_time(keep_time=True)
        )
    )
    ids = count(1)
    for name, panels in rows.items():
        built = built.with_row(dashboard.Row(name).id(next(ids)))
        for panel in panels:
            built = built.with_panel(panel.id(next(ids)))
    return built


def _source() -> dashboard.DatasourceVariable:
    return (
        dashboard.DatasourceVariable("datasource")
        .label("Data source")
        .type("prometheus")
        .current(VariableOption(text="Prometheus", value="prometheus", selected=True))
    )


def _choice(label: str, matchers: str) -> dashboard.QueryVariable:
    """Return a variable that selects one, some or all values of a label."""
    return (
        dashboard.QueryVariable(label)
        .label(label.title())
        .query(f"label_values(clips_database_up{matchers}, {label})")
        .datasource(SOURCE)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".+")
        .current(VariableOption(text=["All"], value=["$__all"], selected=True))
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )


def _firing_alerts() -> dashboard.AnnotationQuery:
    """Return the query that marks firing alerts on every chart."""
    return (
        dashboard.AnnotationQuery()
        .name("Alerts")
        .datasource(SOURCE)
        .enable(enable=True)
        .icon_color("red")
        .expr('ALERTS{job=~"$job", alertstate="firing", severity!="none"}')
    )
