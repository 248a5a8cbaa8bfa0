"""Another machine: a network namespace with a cable to this one that can be cut. Needs root."""

import os
import shutil
import subprocess
from typing import Any, Self

IP = shutil.which("ip", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def why_not() -> str:
    """Return why no machine can be made here, or an empty string."""
    if os.geteuid() != 0 or IP is None:
        return "needs root and iproute2"
    name = f"clips-try-{os.getpid()}"
    made = subprocess.run([IP, "netns", "add", name], capture_output=True, check=False)
    if made.returncode != 0:
        return "needs permission to make network namespaces"
    _ip(f"netns del {name}")
    return ""


class Machine:
    """A machine on a network of its own with this one, which has the address `here` on it."""

    def __init__(self) -> None:
        pid = os.getpid()
        self.name, self._cable = f"clips-{pid}", f"clips{pid}"
        # Benchmarks of networks may use these addresses (RFC 2544). Each process takes four.
        network = f"198.{18 + pid % 2}.{pid // 128 % 256}."
        host = pid // 2 % 64 * 4
        self.here, there = f"{network}{host + 1}", f"{network}{host + 2}"
        _ip(f"netns add {self.name}")
        _ip(f"link add {self._cable} type veth peer name eth0 netns {self.name}")
        _ip(f"addr add {self.here}/30 dev {self._cable}")
        _ip(f"link set {self._cable} up")
        _ip(f"-n {self.name} addr add {there}/30 dev eth0")
        _ip(f"-n {self.name} link set eth0 up")
        _ip(f"-n {self.name} link set lo up")

    def start(self, *command: str, **options: Any) -> "subprocess.Popen[str]":
        """Start a program there."""
        enter = (IP or "ip", "netns", "exec", self.name)
        return subprocess.Popen([*enter, *command], text=True, **options)

    def cut(self) -> None:
        """Cut the cable: nothing arrives any more, and neither end is told."""
        _ip(f"-n {self.name} link set eth0 down")

    def heal(self) -> None:
        _ip(f"-n {self.name} link set eth0 up")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        _ip(f"link del {self._cable}")
        _ip(f"netns del {self.name}")


def _ip(arguments: str) -> None:
    subprocess.run([IP or "ip", *arguments.split()], check=True, capture_output=True)
