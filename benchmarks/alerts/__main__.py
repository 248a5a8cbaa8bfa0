"""Provokes each alert for real: `make alerts-proof`, as root also those that need a small disk.

The service runs under mixed traffic, with PostgreSQL and an origin of its own; a real Prometheus
evaluates the project's rules in a hurry (every window divided by 60, see monitoring/hurry.py), a
real Alertmanager passes on what fires. Each fault is kept up until its alerts fire and somebody was
told, and repaired; then it must become quiet. Exit status 1 if one does not. With `--write` the
outcome goes to RESULTS.md.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from benchmarks.alerts.alertmanager import PROGRAMS, Alertmanager, Receivers, Told
from benchmarks.alerts.faults import FAULTS, Fault, Stage
from benchmarks.monitored.clips import add_clips
from benchmarks.monitored.origin import Origin
from benchmarks.monitored.service import Postgres, Service
from benchmarks.monitored.traffic import Traffic
from monitoring.running import Prometheus

FACTOR = 60
PATIENCE = 120  # seconds until an alert must fire, and until it must be over
RECEIVERS = {"critical": "page", "warning": "morning"}
RESULTS = Path(__file__).parents[1] / "RESULTS.md"
PASSING = {("AudioStoreFull", "warning"), ("OriginFailing", "warning")}
BEGIN, END = "<!-- alerts:begin -->", "<!-- alerts:end -->"
INTRODUCTION = """\
`make alerts-proof`, {day}: Prometheus and Alertmanager of Debian on the running service under
about {rate:g} requests a second, each fault real, and repaired. The rules are the project's,
with every window and every `for` divided by {factor}. Seconds are of that hurried clock: from the
fault to the alert, and from the repair until nothing critical fires any more. Muted: fires, and
nobody is told, because the alert beside it says it. Where a fault is made by a restart, ClipsDown
tells of that too, for its minute is a second.
"""


class Outcome(NamedTuple):
    """What a fault raised: seconds from it until an alert fired, and from its repair to quiet."""

    fault: Fault
    after: dict[tuple[str, str], float]
    told: set[Told]
    muted: set[str]
    over: float | None

    @property
    def is_right(self) -> bool:
        """Whether its alerts came, whom they concern was told, and all became quiet."""
        severities = dict(sorted(self.fault.raises, reverse=True))  # the worst of each alert
        return (
            set(self.fault.raises) <= set(self.after)
            and set(self.fault.mutes) <= self.muted
            and all(
                Told(RECEIVERS[severity], "firing", alert, severity) in self.told
                for alert, severity in severities.items()
            )
            and self.over is not None
        )


class Watch(NamedTuple):
    """Those who look on."""

    prometheus: Prometheus
    alertmanager: Alertmanager
    receivers: Receivers

    def firing(self, wanted: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """Name and severity of what fires: of the critical all, of the rest what is wanted."""
        firing = {(a["alertname"], a["severity"]) for a in self.prometheus.firing()}
        return {alert for alert in firing if alert[1] == "critical" or alert in wanted}

    def see(self, fault: Fault, stage: Stage) -> Outcome:
        """Make a fault, wait until its alerts fire, repair it, and wait until they do not."""
        after: dict[tuple[str, str], float] = {}
        muted: set[str] = set()
        with fault.break_it(stage):
            began = time.monotonic()
            old = self._left_over(fault)
            self.receivers.told.clear()
            while time.monotonic() - began < PATIENCE:
                for alert in self.firing(fault.raises) - old:
                    after.setdefault(alert, time.monotonic() - began)
                muted |= self.alertmanager.muted()
                seen = Outcome(fault, after, set(self.receivers.told), muted, over=0)
                if seen.is_right:
                    break
                time.sleep(0.2)
        return Outcome(fault, after, set(self.receivers.told), muted, self.until_quiet())

    def _left_over(self, fault: Fault) -> set[tuple[str, str]]:
        """What fires since before: the service was restarted to break it, which is no outage."""
        restarted = ("ClipsDown", "critical")
        if restarted not in fault.raises:
            self.prometheus.wait(lambda: restarted not in self.firing(()), "see it again")
        return self.firing(()) - set(fault.raises)

    def until_quiet(self) -> float | None:
        """Seconds until no alert of short windows fires any more; None if one goes on."""
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            if not self.firing(PASSING):
                return time.monotonic() - began
            time.sleep(0.2)
        return None


def main() -> int:
    """Prove it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="the outcome to RESULTS.md")
    parser.add_argument("--rate", type=float, default=25, help="requests per second")
    parser.add_argument("--fault", action="append", help="those whose names contain this alone")
    options = parser.parse_args()
    faults = [
        fault
        for fault in FAULTS
        if not options.fault or any(part in fault.what for part in options.fault)
    ]
    if os.geteuid() != 0:
        faults = [fault for fault in faults if "disk" not in fault.what]
        print("Not as root: nothing can be mounted, so AudioStoreFull is left out.")
    outcomes = proven(faults, options.rate)
    text = section(outcomes, options.rate)
    print(text)
    if options.write:
        write(text)
    return 0 if all(outcome.is_right for outcome in outcomes) else 1


def proven(faults: list[Fault], rate: float) -> list[Outcome]:
    """Set everything up, and see all faults in turn."""
    program = next(filter(shutil.which, PROGRAMS), None)
    if program is None:
        sys.exit("Alertmanager is not installed: make system-tools")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = Postgres(folder / "postgres")
        stack.callback(postgres.close)
        origin = stack.enter_context(Origin())
        service = stack.enter_context(Service(folder, postgres))
        receivers = stack.enter_context(Receivers())
        alertmanager = stack.enter_context(Alertmanager(program, folder, receivers, FACTOR))
        prometheus = stack.enter_context(
            Prometheus(folder, service.targets, factor=FACTOR, alertmanager=alertmanager.address)
        )
        # Those of the origin first: they are asked for most.
        clips = add_clips(service, origin, ours=(1, 2, 3))
        stack.enter_context(Traffic(service.url, clips, rate))
        watch = Watch(prometheus, alertmanager, receivers)
        prometheus.wait(lambda: receivers.told, "tell that it watches")
        time.sleep(30)  # some traffic that is well, for the windows to know
        return [watch.see(fault, Stage(service, postgres, origin)) for fault in tqdm(faults)]


def section(outcomes: list[Outcome], rate: float) -> str:
    """What is written down."""
    lines = [
        BEGIN,
        "## Alerts",
        "",
        INTRODUCTION.format(day=datetime.now(UTC).date(), rate=rate, factor=FACTOR),
        "| fault | alerts that fired, after seconds | told | muted | over after, s | as expected |",
        "|---|---|---|---|---|---|",
    ]
    for fault, after, told, muted, over in outcomes:
        fired = ", ".join(f"{name} ({level}) {s:.0f}" for (name, level), s in after.items())
        told_whom = sorted({f"{t.receiver}: {t.alert}" for t in told if t.status == "firing"})
        told_text = ", ".join(text for text in told_whom if "Watchdog" not in text)
        right = Outcome(fault, after, told, muted, over).is_right
        lines.append(
            f"| {fault.what} | {fired} | {told_text} | {', '.join(sorted(muted))} "
            f"| {'never' if over is None else f'{over:.0f}'} | {'yes' if right else '**no**'} |"
        )
    return "\n".join([*lines, END, ""])


def write(text: str) -> None:
    """Put the section in place of the last one, or at the end."""
    results = RESULTS.read_text()
    if BEGIN in results:
        before, rest = results.split(BEGIN)
        results = before + text.rstrip() + rest.split(END)[1]
    else:
        results = f"{results.rstrip()}\n\n{text}"
    RESULTS.write_text(results)


if __name__ == "__main__":
    sys.exit(main())
