"""A worker that soon notices all: `python -m tests.tasks.quick_worker GRACE QUEUE...`."""

import asyncio
import sys

import django

django.setup()

from library.tasks.worker import TaskWorker, Timing  # noqa: E402
from tests.tasks import samples  # noqa: E402, F401

QUICK = Timing(
    poll=0.2,
    heartbeat=0.2,
    stalled_after=2.0,
    take_over_every=0.2,
    notice=0.2,
    patience=1.0,
    grace=float(sys.argv[1]),
    abort=0.2,
)

if __name__ == "__main__":
    asyncio.run(TaskWorker(queues=sys.argv[2:], timing=QUICK).run())
