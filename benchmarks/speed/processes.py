"""CPU time, memory, connections and priority of processes, by /proc."""

import os
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")  # a second
ESTABLISHED = "01"  # state in /proc/net/tcp
PRIORITY = "-5"


def family(pid: int) -> list[int]:
    """Return the IDs of a process and of all its descendants."""
    found = [pid]
    for parent in found:
        with suppress(OSError):  # it has ended
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
            found += map(int, children.split())
    return found


def prefer(pid: int) -> None:
    """As root, let a session get more CPU time than the other programs of the machine.

    Linux schedules each session as a group (sched(7), "autogroup"), to which the nice values of its
    processes mean nothing. For the same reason all that is compared must have sessions of its own.
    PostgreSQL's backends have one each.
    """
    if os.geteuid() == 0:
        with suppress(FileNotFoundError):  # the kernel has no such groups
            Path(f"/proc/{pid}/autogroup").write_text(PRIORITY)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its descendants, also of those that have ended."""
    ticks = 0
    for member in family(pid):
        with suppress(OSError):
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
    return ticks / TICKS


def machine_seconds() -> float:
    """Return the CPU time of everything on this machine."""
    fields = list(map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9]))
    user, nice, system, _idle, _iowait, irq, softirq, _steal = fields
    return (user + nice + system + irq + softirq) / TICKS


def memory(pid: int) -> float:
    """Return the memory of a process and its descendants in MB: their proportional set sizes."""
    kilobytes = 0
    for member in family(pid):
        with suppress(OSError):
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    kilobytes += int(line.split()[1])
    return kilobytes * 1024 / 1e6


def connections(pid: int, port: int) -> int:
    """Return the number of established connections to a port that a process has accepted."""
    accepted = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == ESTABLISHED and int(fields[1].split(":")[1], 16) == port:
            accepted.add(f"socket:[{fields[9]}]")
    held = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            held += os.readlink(descriptor) in accepted
    return held
