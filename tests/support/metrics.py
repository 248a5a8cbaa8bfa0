"""The files in which a service's workers keep their metrics."""

import os
import socket
from pathlib import Path

from harness.service import Server


def metrics_folder(server: Server) -> Path:
    """Return the folder of the files, from the environment of the metrics process."""
    variables = Path(f"/proc/{server.metrics_process()}/environ").read_bytes().split(b"\0")
    (folder,) = (v for v in variables if v.startswith(b"PROMETHEUS_MULTIPROC_DIR="))
    return Path(os.fsdecode(folder.partition(b"=")[2]))


def answers(address: str) -> bool:
    """Return whether a process listens at an address of the form `host:port`."""
    host, port = address.split(":")
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) == 0
