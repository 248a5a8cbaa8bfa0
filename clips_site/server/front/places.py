"""The connections of a worker: how long they may wait for a request, and which one gives way.

A connection holds a place until it is closed. While its request is in progress, nothing here ends
it. Otherwise it waits for its client and is closed when its time is over, or when a newer
connection needs the place.
"""

import asyncio
from collections.abc import Callable
from enum import Enum, IntEnum
from itertools import count
from typing import NamedTuple, Protocol

from clips_site.server.front.client_counts import ClientCounts

TICK = 0.25  # seconds between two looks at the connections that wait
# Attackers come back at once, and a new connection costs more than one that is held. So those
# whose time is over are closed one after the other: at most BATCH of them in PAUSE seconds.
PAUSE, BATCH = 0.02, 2


class Stage(IntEnum):
    """The state of a connection. In the first three it waits for its client."""

    IDLE = 0  # no part of a further request has arrived
    HEAD = 1  # it is new, or part of the head of a request has arrived
    BODY = 2  # part of the body is missing
    BUSY = 3  # a request is in progress
    CLOSED = 4


class Excess(Enum):
    """A limit that a connection exceeds."""

    CLIENT = "client"
    WORKER = "worker"


class Patience(NamedTuple):
    """Seconds that a client may take. A body has a deadline of its own: see `bodies`."""

    idle: float  # until it begins a further request
    head: float  # for the whole head of a request


class Connections:
    """Connections that share a limit. Those that wait are listed in order of their beginning."""

    __slots__ = ("size", "waiting")

    def __init__(self) -> None:
        self.size = 0
        self.waiting: tuple[dict[int, Holder], ...] = ({}, {}, {})

    def first_to_close(self, newcomer: "Holder") -> "Holder | None":
        """Return the connection that has waited longest. Those that send a body come last."""
        idle, head, body = (
            next((each for each in queue.values() if each is not newcomer), None)
            for queue in self.waiting
        )
        if idle is not None and head is not None:
            return idle if idle.since <= head.since else head
        return idle or head or body


class Holder(Protocol):
    """A connection as `Places` sees it. Only `Places` sets the attributes."""

    client: str | None  # the network whose connections are counted, or None
    stage: Stage
    since: float  # when it began to wait, on the clock of the event loop
    groups: tuple[Connections, ...]
    place: int  # its number
    surplus: bool  # it exceeded a limit, and no other connection could give way

    def expire(self) -> bool:
        """Close the connection. Return False if it does not wait, but still discards a body."""

    def give_way(self) -> None:
        """Close the connection in any case."""


class Places:
    """All connections of a worker, and those of each client."""

    def __init__(
        self,
        clock: Callable[[], float],
        patience: Patience,
        counts: ClientCounts,
        *,
        capacity: int,
        per_client: int,
        workers: int,
    ) -> None:
        """`capacity` is that of this worker, `per_client` that of all workers (0: no limit).

        A client's connections may all be in another worker, where this one cannot close any. So
        each worker serves a client's share of the limit in any case.
        """
        self._clock, self._patience, self._counts = clock, patience, counts
        self._capacity, self._per_client = capacity, per_client
        self._share = -(-per_client // workers)
        self._all = Connections()
        self._numbers = count()
        self._next_turn = 0.0
        self._of_client: dict[str, Connections] = {}

    def enter(self, holder: Holder, client: str | None) -> None:
        """Add a new connection, in stage HEAD. Over a limit, another one gives way."""
        holder.client = client if self._per_client else None
        holder.stage, holder.since, holder.surplus = Stage.HEAD, self._clock(), False
        holder.groups, holder.place = (self._all,), next(self._numbers)
        if holder.client is not None:
            holder.groups = (self._all, self._of_client.setdefault(holder.client, Connections()))
            self._counts.add(holder.client)
        for group in holder.groups:
            group.size += 1
            group.waiting[Stage.HEAD][holder.place] = holder
        if self._client_exceeds(holder) and not self._make_way(holder, holder.groups[-1]):
            holder.surplus = True
        for _ in range(2):  # a second one, so that their number falls if the capacity did
            if self._all.size > self._capacity and not self._make_way(holder, self._all):
                holder.surplus = True

    def move(self, holder: Holder, stage: Stage) -> None:
        """Let a connection begin another stage, unless it has left."""
        before = holder.stage
        if before is Stage.CLOSED:
            return
        for group in holder.groups:
            if before < Stage.BUSY:
                del group.waiting[before][holder.place]
            if stage < Stage.BUSY:
                group.waiting[stage][holder.place] = holder
        holder.stage, holder.since = stage, self._clock()

    def hand_over(self, holder: Holder, successor: Holder) -> None:
        """Let another holder, which has not entered, take over a place and the time it has left."""
        for name in ("client", "groups", "place", "since", "stage", "surplus"):
            setattr(successor, name, getattr(holder, name))
        if holder.stage < Stage.BUSY:
            for group in holder.groups:
                group.waiting[holder.stage][holder.place] = successor
        holder.stage = Stage.CLOSED

    def leave(self, holder: Holder) -> None:
        """Remove a connection, if it has not been removed."""
        if holder.stage is Stage.CLOSED:
            return
        self.move(holder, Stage.CLOSED)
        for group in holder.groups:
            group.size -= 1
        if holder.client is not None:
            self._counts.remove(holder.client)
            if not holder.groups[-1].size:
                del self._of_client[holder.client]

    def excess(self, holder: Holder) -> Excess | None:
        """Return the limit that a surplus connection with a new request still exceeds, if any."""
        own = holder.groups[-1]
        if self._client_exceeds(holder) and own.size > self._share:
            return Excess.CLIENT
        if self._all.size > self._capacity:
            return Excess.WORKER
        holder.surplus = False
        return None

    async def take_turn(self) -> None:
        """Wait to be closed, because a body is too slow, until others have been."""
        now = self._clock()
        self._next_turn = max(now, self._next_turn) + PAUSE / BATCH
        await asyncio.sleep(self._next_turn - now)

    def close_expired(self) -> float:
        """Close connections whose time is over. Return the seconds until the next call."""
        now, closed = self._clock(), 0
        for stage, seconds in zip((Stage.IDLE, Stage.HEAD), self._patience, strict=True):
            queue = self._all.waiting[stage]
            while (first := next(iter(queue.values()), None)) and first.since + seconds <= now:
                if closed == BATCH:
                    return PAUSE
                closed += 1
                self.move(first, Stage.BUSY if first.expire() else stage)
        return TICK

    def resize(self, capacity: int) -> None:
        """Change the number of places. Connections in excess give way as others arrive."""
        self._capacity = capacity

    def _client_exceeds(self, holder: Holder) -> bool:
        return holder.client is not None and self._counts.total(holder.client) > self._per_client

    def _make_way(self, newcomer: Holder, group: Connections) -> bool:
        other = group.first_to_close(newcomer)
        if other is None:
            return False
        self.leave(other)  # its place is free at once
        other.give_way()
        return True
