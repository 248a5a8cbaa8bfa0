"""How long stored audio may be served without revalidation by its origin (RFC 9111, 4.2)."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

_MAX_AGE = re.compile(r"(?:^|,)\s*(s-maxage|max-age)\s*=\s*\"?([0-9]+)\"?\s*(?=,|$)", re.I)
_NO_STORE = re.compile(r"(?:^|,)\s*(?:no-store|no-cache)\s*(?==|,|$)", re.I)


@dataclass(frozen=True)
class Freshness:
    """The origin's freshness lifetime within the operator's limits, in seconds.

    `default` applies if the origin sends none. A stale copy is served for `while_revalidating`
    more seconds while it is revalidated in the background. An older copy is served only if the
    origin fails.
    """

    least: int = 60
    most: int = 86_400
    default: int = 3_600
    while_revalidating: int = 86_400

    def fresh_until(self, headers: Mapping[str, str]) -> float:
        """Return when a response that arrived now becomes stale, in seconds since 1970.

        This service serves everything from its store, so it cannot obey `no-store`: it treats it
        as the shortest freshness lifetime.
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
