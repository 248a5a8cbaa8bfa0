"""Everything that a measurement needs, started and filled."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.speed.load import Target
from benchmarks.speed.services import (
    Product,
    fill,
    running_accelerated,
    running_origin,
    running_peers,
    samples_of,
    warm,
)
from harness.postgres import Postgres


@dataclass
class Stage:
    """What runs. Its targets are "service", "nginx" (X-Accel), and the peers "sync" and "async"."""

    folder: Path
    postgres: Postgres
    product: Product
    targets: dict[str, Target]
    others: ExitStack  # everything but PostgreSQL and the service

    def stop_others(self) -> None:
        """Stop everything but PostgreSQL and the service."""
        self.others.close()
        self.targets = {"service": self.targets["service"]}

    def restarted(self) -> Target:
        """Restart the service, so that its memory is as new; return it as a target."""
        self.product.stop()
        self.product.start()
        self.targets["service"] = replace(self.targets["service"], pid=self.product.pid)
        return self.targets["service"]


@contextmanager
def running(folder: Path) -> Iterator[Stage]:
    """Start all, with a hundred clips each; the service and nginx have their audio."""
    folder.chmod(0o755)  # PostgreSQL, which does not run as root, must reach its data in here
    with (
        Postgres(folder / "postgres") as postgres,
        Product(folder) as product,
        ExitStack() as others,
    ):
        origin = others.enter_context(running_origin(folder / "origin"))
        samples = samples_of(product.url)
        accelerated, nginx = others.enter_context(running_accelerated(folder))
        peers = others.enter_context(running_peers(folder, postgres))
        database = postgres.pid
        clips = fill(product.url, origin, samples)
        peer_clips = fill(peers["sync"].url, origin, samples)
        targets = {
            "service": Target(product.url, product.pid, database, clips),
            "nginx": Target(nginx.url, accelerated.pid, database, clips),
            **{
                name: Target(peer.url, peer.pid, database, peer_clips)
                for name, peer in peers.items()
            },
        }
        warm(targets["service"])
        warm(targets["nginx"])
        yield Stage(folder, postgres, product, targets, others)
