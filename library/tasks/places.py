"""How many tasks a worker executes at a time, and from which queues, so that some never wait."""

from collections.abc import Callable, Sequence

from library.tasks.queue import LONG, OWN_PLACES


class Places:
    """The places of a worker, and the jobs that have one.

    All but one of the usual places take long jobs. Some queues have places of their own.
    """

    def __init__(self, queues: Sequence[str], usual: int) -> None:
        """`queues` are all that the worker takes jobs from."""
        own = {queue: OWN_PLACES[queue] for queue in queues if queue in OWN_PLACES}
        has_short = any(queue not in LONG and queue not in own for queue in queues)
        self.number = usual + sum(own.values())
        self._queues = queues
        self._taken: dict[int, str] = {}  # queue by the id of the job
        self._limits: list[tuple[Callable[[str], bool], int]] = [
            (lambda queue: queue not in OWN_PLACES, usual),
            (LONG.__contains__, max(1, usual - 1) if has_short else usual),
            *((queue.__eq__, places) for queue, places in own.items()),
        ]

    def full_queues(self) -> set[str]:
        """Return the queues whose places are all taken."""
        taken = self._taken.values()
        full = [has for has, limit in self._limits if sum(map(has, taken)) >= limit]
        return {queue for queue in self._queues if any(has(queue) for has in full)}

    def open_queues(self) -> list[str]:
        """Return the queues from which a job can be taken."""
        full = self.full_queues()
        return [queue for queue in self._queues if queue not in full]

    def take(self, job_id: int, queue: str) -> None:
        """Give a job its place."""
        self._taken[job_id] = queue

    def leave(self, job_id: int) -> bool:
        """Free the place of a job. Return whether that opens a queue."""
        full = self.full_queues()
        self._taken.pop(job_id, None)
        return self.full_queues() != full
