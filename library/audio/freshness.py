"""How long an origin's audio may be served without asking the origin (RFC 9111, 4.2)."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

_MAX_AGE = re.compile(r"(?:^|,)\s*(s-maxage|max-age)\s*=\s*\"?([0-9]+)\"?\s*(?=,|$)", re.I)
_NO_STORE = re.compile(r"(?:^|,)\s*(?:no-store|no-cache)\s*(?==|,|$)", re.I)


@dataclass(frozen=True)
class Freshness:
    """The origin's word within the operator's bounds. All in seconds.

    `default` where the origin says nothing. A copy that is no longer fresh is served for
    `while_revalidating` more, while it is asked for anew in the background; an older one is served
    only if the origin fails.
    """

    least: int = 60
    most: int = 86_400
    default: int = 3_600
    while_revalidating: int = 86_400

    def fresh_until(self, headers: Mapping[str, str]) -> float:
        """The end of freshness, in seconds since 1970, of an answer that came now.

        `no-store` cannot be kept by a service that serves from its store: it counts as the
        shortest freshness.
        """
        control = headers.get("Cache-Control", "")
        ages = {name.lower(): int(age[:10]) for name, age in _MAX_AGE.findall(control)}
        if _NO_STORE.search(control):
            seconds = 0
        else:
            seconds = ages.get("s-maxage", ages.get("max-age", self.default))
            age = headers.get("Age", "").strip()
            if ages and age.isascii() and age.isdigit() and len(age) < 10:
                seconds -= int(age)
        return time.time() + max(self.least, min(seconds, self.most))

    def may_serve_while_revalidating(self, fresh_until: float) -> bool:
        """Whether a copy whose freshness ended then may be served before the origin answers."""
        return time.time() < fresh_until + self.while_revalidating
