"""How many connections or requests each client has, counted by all workers in shared memory.

The kernel spreads connections unevenly over the workers, so a limit for each worker would be one
for the whole service only on average.
"""

import mmap

from clips_site import settings
from library.client_address import client_address, client_network

BUCKETS = 16_384


class ClientCounts:
    """A table that the workers inherit from the master. Each writes only its own column.

    So no lock is needed. A client's bucket is chosen by Python's keyed hash of its network, which
    the workers share and no client can compute. Two clients share a bucket with a chance of 1 in
    16,384, and then a limit.
    """

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._counts = memoryview(mmap.mmap(-1, BUCKETS * columns * 2)).cast("H")
        self._own = 0

    def use(self, slot: int) -> None:
        """Count in this worker's column from now on."""
        self._own = slot % self._columns

    def release(self, slot: int) -> None:
        """Forget the counts of a worker that has ended, killed or not."""
        column = self._counts[slot % self._columns :: self._columns]
        for bucket, count in enumerate(column):
            if count:
                column[bucket] = 0

    def add(self, client: str) -> None:
        """Count one more for a client."""
        self._counts[self._bucket(client) + self._own] += 1

    def remove(self, client: str) -> None:
        """Count one less."""
        self._counts[self._bucket(client) + self._own] -= 1

    def total(self, client: str) -> int:
        """Return how many a client has in all workers."""
        first = self._bucket(client)
        return sum(self._counts[first : first + self._columns])

    def _bucket(self, client: str) -> int:
        return hash(client) % BUCKETS * self._columns


# Those of this service. Made by the master, so that all workers share it; during a reload there are
# more workers than WEB_CONCURRENCY.
counts = ClientCounts(8 * settings.WEB_CONCURRENCY)


def counted_client(peer: str, forwarded_for: str = "", hops: int = 0) -> str | None:
    """Return the network of a client whose connections or requests are counted.

    The arguments are those of `client_address`. An IPv6 client is its /64, as everywhere. Clients
    on this machine, and those of unknown address, are not counted.
    """
    address = client_address(peer, forwarded_for, hops)
    if address is None or address.is_loopback:
        return None
    return str(client_network(peer, forwarded_for, hops))
