"""PromQL as the dashboards ask it."""

from typing import NamedTuple

CHOSEN = 'job=~"$job", instance=~"$instance"'
HALF, SLOW, SLOWEST = ("median", 0.5), ("95th percentile", 0.95), ("99th percentile", 0.99)


class Query(NamedTuple):
    """A PromQL expression, in which `$chosen` are the matchers of the jobs and instances chosen.

    `legend` names the series that it gives.
    """

    expression: str
    legend: str = ""

    @property
    def as_asked(self) -> str:
        """The expression with the matchers that Grafana fills in."""
        return self.expression.replace("$chosen", CHOSEN)

    def above_zero(self) -> "Query":
        """The query without the series that are 0."""
        return Query(f"{self.expression} > 0", self.legend)


def quantiles(buckets: str, matchers: str = "") -> list[Query]:
    """What half of the observations, and the slowest of twenty and of a hundred, exceed."""
    return [
        Query(
            f"histogram_quantile({quantile}, "
            f"sum by (le) (rate({buckets}{{$chosen{matchers}}}[$__rate_interval])))",
            name,
        )
        for name, quantile in (HALF, SLOW, SLOWEST)
    ]


def per_second(counter: str, legend: str, by: str = "") -> Query:
    """How fast a counter grows, in all or by a label."""
    return Query(f"sum{by and f' by ({by}) '}(rate({counter}[$__rate_interval]))", legend)


def per_minute(counter: str, legend: str, by: str = "") -> Query:
    """How fast a counter grows in a minute, in all or by a label."""
    return Query(f"60 * {per_second(counter, legend, by).expression}", legend)
