"""The PromQL queries of the dashboards."""

from typing import NamedTuple

CHOSEN = 'job=~"$job", instance=~"$instance"'
HALF, SLOW, SLOWEST = ("median", 0.5), ("95th percentile", 0.95), ("99th percentile", 0.99)


class Query(NamedTuple):
    """A PromQL expression, in which `$chosen` stands for the matchers of job and instance.

    `legend` names the resulting series.
    """

    expression: str
    legend: str = ""

    @property
    def promql(self) -> str:
        """The expression with matchers in which Grafana replaces the variables."""
        return self.expression.replace("$chosen", CHOSEN)

    def above_zero(self) -> "Query":
        """Return the query without series that are 0."""
        return Query(f"{self.expression} > 0", self.legend)


def quantiles(buckets: str, matchers: str = "") -> list[Query]:
    """Return queries for the median, the 95th and the 99th percentile."""
    return [
        Query(
            f"histogram_quantile({quantile}, "
            f"sum by (le) (rate({buckets}{{$chosen{matchers}}}[$__rate_interval])))",
            name,
        )
        for name, quantile in (HALF, SLOW, SLOWEST)
    ]


def per_second(counter: str, legend: str, by: str = "") -> Query:
    """Return a query for a counter's increase per second, in total or by a label."""
    return Query(f"sum{by and f' by ({by}) '}(rate({counter}[$__rate_interval]))", legend)


def per_minute(counter: str, legend: str, by: str = "") -> Query:
    """Return a query for a counter's increase per minute, in total or by a label."""
    return Query(f"60 * {per_second(counter, legend, by).expression}", legend)
