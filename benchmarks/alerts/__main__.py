"""Provoke each alert with real faults: `make alerts-proof`. Faults of the disk need root.

The service runs under mixed traffic, on a PostgreSQL server and an origin that the faults can stop.
A real Prometheus evaluates the project's rules with every window divided by 60
(harness/accelerated_rules.py), and a real Alertmanager sends notifications. Each fault lasts until
its alerts fire and are sent; it is then repaired, and the alerts must end. The exit status is 1 if
a fault raises less than it should. With `--write` the table goes to RESULTS.md.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from benchmarks.alerts.alertmanager import PROGRAM, Alertmanager, Notification, Receivers
from benchmarks.alerts.faults import FAULTS, Fault, System
from benchmarks.alerts.tasks import TaskWorker
from benchmarks.results import today, write_section
from harness.installation import Installation
from harness.origin import Origin, any_sample
from harness.postgres import Postgres
from harness.prometheus import Prometheus
from harness.service import free_port
from harness.traffic import Traffic, add_origin_clips

FACTOR = 60
TIMEOUT = 120  # seconds until an alert must fire, and until it must end
SAMPLES = [1, 2, 3]  # IDs of clips that need no origin
RECEIVERS = {"critical": "page", "warning": "morning"}
# Warnings that outlast their fault, because their windows are long
LINGERING = {("AudioStoreFull", "warning"), ("OriginFailing", "warning")}
SECTION = """\
## Alerts

`make alerts-proof`, {date}: Prometheus and Alertmanager of Debian watch the running service under
about {rate:g} requests per second. Each fault is real, and is repaired. The rules are the
project's, with every window and every `for` divided by {factor}. Seconds are of this accelerated
clock: from the fault to the alert, and from the repair until no critical alert fires. A muted alert
fires, but no notification is sent because another alert explains it. A fault that needs a restart
also raises ClipsDown, since its minute lasts a second.

| fault | alerts that fired, after seconds | sent to | muted | over after, s | as expected |
|---|---|---|---|---|---|
{rows}"""


class Outcome(NamedTuple):
    """The effects of a fault: seconds until each alert fired and until all ended, notifications."""

    fault: Fault
    fired: dict[tuple[str, str], float]
    notifications: set[Notification]
    muted: set[str]
    over: float | None

    @property
    def is_right(self) -> bool:
        """Whether its alerts fired, were sent or muted as expected, and ended."""
        severities = dict(
            sorted(self.fault.raises, reverse=True)
        )  # the highest severity of each alert
        return (
            set(self.fault.raises) <= set(self.fired)
            and set(self.fault.mutes) <= self.muted
            and all(
                Notification(RECEIVERS[severity], "firing", alert, severity) in self.notifications
                for alert, severity in severities.items()
            )
            and self.over is not None
        )

    def row(self) -> str:
        """Return its row of the table."""
        fired = [f"{name} ({severity}) {s:.0f}" for (name, severity), s in self.fired.items()]
        sent = {
            f"{n.receiver}: {n.alert}"
            for n in self.notifications
            if n.status == "firing" and n.alert != "Watchdog"
        }
        over = "never" if self.over is None else f"{self.over:.0f}"
        columns = [", ".join(fired), ", ".join(sorted(sent)), ", ".join(sorted(self.muted)), over]
        right = "yes" if self.is_right else "**no**"
        return f"| {self.fault.name} | {' | '.join(columns)} | {right} |"


class Observers(NamedTuple):
    """The monitoring programs that watch the system."""

    prometheus: Prometheus
    alertmanager: Alertmanager
    receivers: Receivers

    def firing(self, expected: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return name and severity of every critical alert that fires, and of expected ones."""
        firing = {(a["alertname"], a["severity"]) for a in self.prometheus.firing()}
        return {alert for alert in firing if alert[1] == "critical" or alert in expected}

    def observe(self, fault: Fault, system: System) -> Outcome:
        """Inject a fault, wait until its alerts fire, repair it, and wait until they end."""
        fired: dict[tuple[str, str], float] = {}
        muted: set[str] = set()
        with fault.inject(system):
            began = time.monotonic()
            earlier = self._firing_before(fault)
            self.receivers.notifications.clear()
            while time.monotonic() - began < TIMEOUT:
                for alert in self.firing(fault.raises) - earlier:
                    fired.setdefault(alert, time.monotonic() - began)
                muted |= self.alertmanager.inhibited()
                sent = set(self.receivers.notifications)
                if Outcome(fault, fired, sent, muted, over=0).is_right:
                    break
                time.sleep(0.2)
        return Outcome(fault, fired, sent, muted, self._await_end())

    def _firing_before(self, fault: Fault) -> set[tuple[str, str]]:
        """Return earlier alerts, after those of a restart that injected the fault have ended."""
        restarted = ("ClipsDown", "critical")
        if restarted not in fault.raises:
            self.prometheus.wait(lambda: restarted not in self.firing(()), "end of ClipsDown")
        return self.firing(()) - set(fault.raises)

    def _await_end(self) -> float | None:
        """Return the seconds until no alert of short windows fires; None after the timeout."""
        began = time.monotonic()
        while time.monotonic() - began < TIMEOUT:
            if not self.firing(LINGERING):
                return time.monotonic() - began
            time.sleep(0.2)
        return None


def main() -> int:
    """Inject the faults, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table to RESULTS.md")
    parser.add_argument("--rate", type=float, default=25, help="requests per second")
    parser.add_argument("--fault", action="append", help="only faults whose names contain this")
    options = parser.parse_args()
    if PROGRAM is None:
        sys.exit("Alertmanager is not installed: make system-tools")
    wanted = options.fault or [""]
    faults = [fault for fault in FAULTS if any(part in fault.name for part in wanted)]
    if os.geteuid() != 0:
        faults = [fault for fault in faults if "disk" not in fault.name]
        print("Without root no disk can be mounted: AudioStoreFull is left out.")
    outcomes = inject_all(faults, options.rate)
    rows = "\n".join(outcome.row() for outcome in outcomes)
    text = SECTION.format(date=today(), rate=options.rate, factor=FACTOR, rows=rows)
    print(text)
    if options.write:
        write_section("alerts", text)
    return 0 if all(outcome.is_right for outcome in outcomes) else 1


def inject_all(faults: list[Fault], rate: float) -> list[Outcome]:
    """Start the system and its monitoring, and inject one fault after another."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(Postgres(folder / "postgres"))
        origin = stack.enter_context(Origin(default=any_sample))
        installation = Installation(folder, postgres=postgres, CLIPS_METRICS_PORT=str(free_port()))
        installation.prepare()
        server = stack.enter_context(installation.start())
        tasks = stack.enter_context(TaskWorker(installation))
        receivers = stack.enter_context(Receivers())
        alertmanager = stack.enter_context(Alertmanager(folder, receivers, FACTOR))
        prometheus = stack.enter_context(
            Prometheus(
                folder, server.scrape_targets, factor=FACTOR, alertmanager=alertmanager.address
            )
        )
        clips = add_origin_clips(server.url, origin)
        clips[3:3] = SAMPLES  # in the middle of the order of popularity
        stack.enter_context(Traffic(server.url, clips, rate))
        prometheus.wait(lambda: receivers.notifications, "first notification of Watchdog")
        time.sleep(30)  # fills the windows with healthy traffic
        observers = Observers(prometheus, alertmanager, receivers)
        system = System(server, installation.audio_store, postgres, origin, tasks)
        return [observers.observe(fault, system) for fault in tqdm(faults)]


if __name__ == "__main__":
    sys.exit(main())
