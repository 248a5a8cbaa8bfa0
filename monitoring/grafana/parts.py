"""What the dashboards are made of: queries, panels and variables, all by the same conventions."""

from itertools import count
from string import ascii_uppercase
from typing import NamedTuple, TypeAlias, TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    timeseries,
)
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
    VariableOption,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat, QueryEditorMode

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
SCRAPED_EVERY = "10s"  # as prometheus.yml says; $__rate_interval is at least four of it
CHOSEN = 'job=~"$job", instance=~"$instance"'

Chart: TypeAlias = timeseries.Panel
Panel: TypeAlias = timeseries.Panel | stat.Panel | bargauge.Panel | statetimeline.Panel
AnyPanel = TypeVar("AnyPanel", timeseries.Panel, stat.Panel, bargauge.Panel, statetimeline.Panel)


class Query(NamedTuple):
    """A PromQL expression, in which `$chosen` are the matchers of the jobs and instances chosen.

    `legend` names the series that it gives.
    """

    expression: str
    legend: str = ""

    def above_zero(self) -> "Query":
        """The query without the series that are 0."""
        return Query(f"{self.expression} > 0", self.legend)


def chart(title: str, description: str, unit: str, *queries: Query, width: int = 12) -> Chart:
    """Lines over the time shown."""
    legend = (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.TABLE)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(show_legend=True)
        .calcs(["mean", "max", "lastNotNull"])
    )
    panel = (
        timeseries.Panel()
        .min(0)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .draw_style(GraphDrawStyle.LINE)
        .line_width(1)
        .fill_opacity(10)
        .show_points(VisibilityMode.NEVER)
        .stacking(common.StackingConfig().mode(StackingMode.NONE).group("A"))
        .span_nulls(span_nulls=False)
        .legend(legend)
        .tooltip(
            common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
        )
    )
    return _with(panel, title, description, unit, queries, width, 9, instant=False)


def limits(panel: Chart, below: str, *steps: tuple[float, str]) -> Chart:
    """The chart with areas behind it: of one colour below all steps, of others from each on."""
    return panel.thresholds(thresholds(below, *steps)).thresholds_style(
        common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.AREA)
    )


def colored(panel: Chart, colors: dict[str, str]) -> Chart:
    """The chart with the series of these names in these colours."""
    for legend, color in colors.items():
        fixed = {"mode": "fixed", "fixedColor": color}
        panel = panel.override_by_name(legend, [DynamicConfigValue("color", fixed)])
    return panel


def number(
    title: str, description: str, unit: str, *queries: Query, width: int = 6, height: int = 8
) -> stat.Panel:
    """Large numbers of this moment: with their names where there are several."""
    several = len(queries) > 1
    panel = (
        stat.Panel()
        .graph_mode(BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.VALUE)
        .text_mode(BigValueTextMode.VALUE_AND_NAME if several else BigValueTextMode.VALUE)
        .orientation(VizOrientation.HORIZONTAL if several else VizOrientation.AUTO)
        .reduce_options(_last())
        .thresholds(thresholds("blue"))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
    )
    return _with(panel, title, description, unit, queries, width, height, instant=True)


def bars(title: str, description: str, unit: str, query: Query, width: int = 8) -> bargauge.Panel:
    """A horizontal bar for each series."""
    panel = (
        bargauge.Panel()
        .display_mode(BarGaugeDisplayMode.GRADIENT)
        .orientation(VizOrientation.HORIZONTAL)
        .reduce_options(_last())
        .min(0)
        .decimals(0)
        .thresholds(thresholds("green"))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.CONTINUOUS_BL_PU))
    )
    return _with(panel, title, description, unit, (query,), width, 9, instant=True)


def timeline(title: str, description: str, query: Query, width: int = 12) -> statetimeline.Panel:
    """A band for each series while it is there."""
    panel = (
        statetimeline.Panel()
        .show_value(VisibilityMode.NEVER)
        .fill_opacity(70)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .thresholds(thresholds("red"))
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(show_legend=False)
            .calcs([])
        )
    )
    return _with(panel, title, description, "none", (query,), width, 9, instant=False)


def thresholds(below: str, *steps: tuple[float, str]) -> dashboard.ThresholdsConfig:
    """The colour below all steps, and those from each value on."""
    lowest = Threshold(value=None, color=below)
    return (
        dashboard.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([lowest, *(Threshold(value=value, color=color) for value, color in steps)])
    )


def words(**colors: str) -> ValueMap:
    """Words for 0, 1 and so on, with their colours."""
    return ValueMap(
        options={
            str(value): ValueMappingResult(text=word, color=color, index=value)
            for value, (word, color) in enumerate(colors.items())
        }
    )


def board(
    uid: str, title: str, description: str, span: str, rows: dict[str, list[Panel]]
) -> dashboard.Dashboard:
    """A dashboard of rows, each of 24 columns; `span` is how far it looks back at first."""
    made = (
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
        made = made.with_row(dashboard.Row(name).id(next(ids)))
        for panel in panels:
            made = made.with_panel(panel.id(next(ids)))
    return made


def _with(
    panel: AnyPanel,
    title: str,
    description: str,
    unit: str,
    queries: tuple[Query, ...],
    width: int,
    height: int,
    *,
    instant: bool,
) -> AnyPanel:
    """The panel with what every panel has."""
    for ref_id, query in zip(ascii_uppercase, queries, strict=False):
        panel = panel.with_target(_target(query, ref_id, instant=instant))
    return (
        panel.title(title)
        .description(description)
        .unit(unit)
        .datasource(SOURCE)
        .interval(SCRAPED_EVERY)
        .span(width)
        .height(height)
    )


def _target(query: Query, ref_id: str, *, instant: bool) -> prometheus.Dataquery:
    target = (
        prometheus.Dataquery()
        .expr(query.expression.replace("$chosen", CHOSEN))
        .ref_id(ref_id)
        .editor_mode(QueryEditorMode.CODE)
        .legend_format(query.legend)
        .datasource(SOURCE)
    )
    return target.instant().format(PromQueryFormat.TIME_SERIES) if instant else target.range()


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False).fields("")


def _source() -> dashboard.DatasourceVariable:
    return (
        dashboard.DatasourceVariable("datasource")
        .label("Data source")
        .type("prometheus")
        .current(VariableOption(text="Prometheus", value="prometheus", selected=True))
    )


def _choice(label: str, matchers: str) -> dashboard.QueryVariable:
    """A choice of one, some or all values of a label that the service's metrics have."""
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
    """Marks on every chart while an alert fires."""
    return (
        dashboard.AnnotationQuery()
        .name("Alerts")
        .datasource(SOURCE)
        .enable(enable=True)
        .icon_color("red")
        .expr('ALERTS{job=~"$job", alertstate="firing", severity!="none"}')
    )
