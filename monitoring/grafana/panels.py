"""The panel types of the dashboards, with common conventions."""

from string import ascii_uppercase
from typing import TypeAlias, TypeVar

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
    DataSourceRef,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat, QueryEditorMode

from monitoring.grafana.queries import Query

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
SCRAPED_EVERY = "10s"  # as in prometheus.yml; $__rate_interval is at least four times as long

Chart: TypeAlias = timeseries.Panel
Panel: TypeAlias = timeseries.Panel | stat.Panel | bargauge.Panel | statetimeline.Panel
AnyPanel = TypeVar("AnyPanel", timeseries.Panel, stat.Panel, bargauge.Panel, statetimeline.Panel)


def chart(title: str, description: str, unit: str, *queries: Query, width: int = 12) -> Chart:
    """Return a line chart."""
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
    """Return the chart with background areas: one colour below all steps, one from each step up."""
    return panel.thresholds(thresholds(below, *steps)).thresholds_style(
        common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.AREA)
    )


def colored(panel: Chart, colors: dict[str, str]) -> Chart:
    """Return the chart with fixed colours for the series of these names."""
    for legend, color in colors.items():
        panel = panel.override_by_name(legend, [_fixed(color)])
    return panel


def number(
    title: str, description: str, unit: str, *queries: Query, width: int = 6, height: int = 8
) -> stat.Panel:
    """Return a panel of current values as large numbers, with names if there are several."""
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
    """Return a panel with a horizontal bar for each series."""
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


def timeline(
    title: str, description: str, query: Query, colors: dict[str, str]
) -> statetimeline.Panel:
    """Return a band for each series while it exists, red unless its name contains a given word."""
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
    for word, color in colors.items():
        panel = panel.override_by_regexp(f"/{word}/", [_fixed(color)])
    return _with(panel, title, description, "none", (query,), 12, 9, instant=False)


def thresholds(below: str, *steps: tuple[float, str]) -> dashboard.ThresholdsConfig:
    """Return thresholds: a colour below all steps, and one from each value up."""
    lowest = Threshold(value=None, color=below)
    return (
        dashboard.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([lowest, *(Threshold(value=value, color=color) for value, color in steps)])
    )


def value_labels(**colors: str) -> ValueMap:
    """Return labels for the values 0, 1 and so on, with their colours."""
    return ValueMap(
        options={
            str(value): ValueMappingResult(text=word, color=color, index=value)
            for value, (word, color) in enumerate(colors.items())
        }
    )


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
    """Return the panel with its queries and the settings that all panels share."""
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
        .expr(query.promql)
        .ref_id(ref_id)
        .editor_mode(QueryEditorMode.CODE)
        .legend_format(query.legend)
        .datasource(SOURCE)
    )
    return target.instant().format(PromQueryFormat.TIME_SERIES) if instant else target.range()


def _fixed(color: str) -> DynamicConfigValue:
    return DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False).fields("")
