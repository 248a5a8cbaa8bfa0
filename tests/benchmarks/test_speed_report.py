"""What `make bench` reports: samples of wrk, ratios, goals, tables and pictures."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from benchmarks.speed.load import Sample, median, parse
from benchmarks.speed.plot import Group, bars
from benchmarks.speed.report import Comparison, Figure, Report, at_least, at_most

WRK = """\
Running 3s test @ http://127.0.0.1:18700/api/v1/clips
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    57.16ms   18.08ms 246.52ms   91.34%
    Req/Sec   281.60     49.48   350.00     76.67%
  Latency Distribution
     50%   54.10ms
     75%   57.98ms
     90%   65.29ms
     99%    1.20s
  800 requests in 3.00s, 9.53MB read
"""
FAILURES = """\
  Socket errors: connect 1, read 2, write 0, timeout 4
  Non-2xx or 3xx responses: 30
Requests/sec:    266.65
"""
SAMPLE = Sample(
    rate=200, p50=54.1, p99=90, server_cpu=5.2, database_cpu=0.8, others_cpu=0.1, errors=0
)
SVG = "{http://www.w3.org/2000/svg}"


def test_report_of_wrk_gives_rate_and_latencies() -> None:
    sample = parse(WRK, 4.0, 2.0, 0.4, 0.2)
    assert (sample.rate, sample.p50, sample.p99) == (200, 54.1, 1200)


def test_cpu_time_is_divided_by_the_responses() -> None:
    sample = parse(WRK, 4.0, 2.0, 0.4, 0.2)
    assert (sample.server_cpu, sample.database_cpu, sample.cpu) == (2.5, 0.5, 3.0)
    assert sample.others_cpu == 0.05


def test_failed_requests_are_errors() -> None:
    assert parse(WRK, 4.0, 2.0, 0.4, 0.2).errors == 0
    assert parse(WRK + FAILURES, 4.0, 2.0, 0.4, 0.2).errors == 37


def test_median_of_samples_keeps_all_errors() -> None:
    samples = [
        replace(SAMPLE, rate=rate, errors=errors) for rate, errors in ((3, 5), (1, 0), (2, 1))
    ]
    assert (median(samples).rate, median(samples).errors) == (2, 6)


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [
        (at_least(8), 8, True),
        (at_least(8), 7.99, False),
        (at_most(1.2), 1.2, True),
        (at_most(1.2), 1.21, False),
    ],
)
def test_goal_includes_its_bound(goal: object, value: float, met: bool) -> None:
    assert goal.is_met(value) is met  # type: ignore[attr-defined]


def test_row_compares_the_service_with_the_synchronous_peer() -> None:
    peer = replace(SAMPLE, rate=100, server_cpu=2.0, database_cpu=1.0)
    row = Comparison("one clip", SAMPLE, peer, replace(SAMPLE, rate=1234), at_least(2)).row()
    assert row == (
        "| one clip | 100 | 1,234 | 200 | 2.00 | at least 2 | yes "
        "| 54.1 / 90.0 | 5.20 + 0.80 | 2.00 + 1.00 |"
    )


def test_row_without_a_peer_has_neither_ratio_nor_goal() -> None:
    cells = Comparison("`/livez`", SAMPLE).row().split(" | ")
    assert cells[:7] == ["| `/livez`", "", "", "200", "", "", ""]


def test_report_names_the_goals_that_are_missed() -> None:
    report = Report()
    report.add(Comparison("fast", SAMPLE, SAMPLE, goal=at_least(1)))
    report.add(Comparison("slow", SAMPLE, SAMPLE, goal=at_least(1.01)))
    report.add(Figure("memory", "201 MB", 201, at_most(200, " MB")))
    report.add(Figure("start", "3 s"))
    assert report.unmet() == ["slow", "memory"]


def test_tables_have_as_many_cells_in_each_row_as_in_the_header() -> None:
    report = Report()
    report.add(Comparison("list", SAMPLE, SAMPLE, SAMPLE, at_least(2)))
    report.add(Figure("memory", "201 MB", 201, at_most(200, " MB")))
    for table in report.tables().split("\n\n"):
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_report_counts_errors_of_the_service_only() -> None:
    report = Report()
    report.add(Comparison("list", replace(SAMPLE, errors=2), replace(SAMPLE, errors=5)))
    assert report.errors() == 2


def test_bars_are_proportional_and_the_goal_is_marked() -> None:
    groups = [Group("list of 6 & more", (1.0, None, 4.0), goal=2.0)]
    picture = ElementTree.fromstring(bars("Ratios", ("sync", "async", "service"), groups))
    rectangles = [
        (rectangle.get("fill"), float(rectangle.get("x", 0)), float(rectangle.get("width", 0)))
        for rectangle in picture.iter(f"{SVG}rect")
        if rectangle.get("height") not in ("100%", "10.0")
    ]
    (_, left, of_sync), (_, _, of_service), (_, mark, width) = rectangles
    assert of_service == 4 * of_sync
    assert mark + width / 2 == left + 2 * of_sync
    assert "list of 6 & more" in [text.text for text in picture.iter(f"{SVG}text")]
