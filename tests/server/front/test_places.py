"""Which connections are closed, when, and for whom."""

import asyncio
from dataclasses import dataclass, field

import pytest

from clips_site.server.front.client_counts import ClientCounts, counted_client
from clips_site.server.front.places import BATCH, PAUSE, TICK, Excess, Patience, Places, Stage
from clips_site.server.front.places import Connections as Group

HEAD, IDLE = 20.0, 5.0


@dataclass(eq=False)
class Connection:
    """A connection that notes how it was closed."""

    awaits: bool = True
    ended: str = ""
    client: str | None = None
    groups: tuple[Group, ...] = ()
    place: int = 0
    since: float = 0.0
    stage: Stage = Stage.HEAD
    surplus: bool = False

    def expire(self) -> bool:
        if self.awaits:
            self.ended = "expired"
        return self.awaits

    def give_way(self) -> None:
        self.ended = "gave way"


@dataclass
class Worker:
    """A worker's places, with a clock that stands still, and what entered them."""

    counts: ClientCounts = field(default_factory=lambda: ClientCounts(8))
    slot: int = 0
    capacity: int = 100
    per_client: int = 0
    workers: int = 1
    now: float = 0.0

    def __post_init__(self) -> None:
        self.places = Places(
            lambda: self.now,
            Patience(idle=IDLE, head=HEAD),
            self.counts,
            capacity=self.capacity,
            per_client=self.per_client,
            workers=self.workers,
        )

    def enter(self, client: str | None = "203.0.113.7/32", stage: Stage = Stage.HEAD) -> Connection:
        self.counts.use(self.slot)
        self.now += 0.001
        connection = Connection()
        self.places.enter(connection, client)
        if stage is not Stage.HEAD:
            self.places.move(connection, stage)
        return connection

    def leave(self, connection: Connection) -> None:
        self.counts.use(self.slot)
        self.places.leave(connection)


def test_head_that_takes_too_long_expires_though_bytes_arrive() -> None:
    worker = Worker()
    slow = worker.enter()
    worker.now += HEAD - 0.1
    worker.places.close_expired()
    before = slow.ended
    worker.now += 0.1
    worker.places.close_expired()
    assert (before, slow.ended) == ("", "expired")


def test_idle_connection_expires_earlier_than_a_head_and_a_busy_one_never() -> None:
    worker = Worker()
    idle, head, busy, body = (
        worker.enter(stage=stage) for stage in (Stage.IDLE, Stage.HEAD, Stage.BUSY, Stage.BODY)
    )
    worker.now += IDLE
    worker.places.close_expired()
    assert [each.ended for each in (idle, head, busy, body)] == ["expired", "", "", ""]
    worker.now += 1000
    worker.places.close_expired()
    assert [each.ended for each in (head, busy, body)] == ["expired", "", ""]


def test_connection_that_discards_a_body_is_given_more_time() -> None:
    worker = Worker()
    discarding = worker.enter(stage=Stage.IDLE)
    discarding.awaits = False
    worker.now += IDLE
    worker.places.close_expired()
    discarding.awaits = True
    worker.places.close_expired()
    before = discarding.ended
    worker.now += IDLE
    worker.places.close_expired()
    assert (before, discarding.ended) == ("", "expired")


def test_many_expired_connections_are_closed_in_batches() -> None:
    worker = Worker()
    silent = [worker.enter() for _ in range(BATCH + 1)]
    worker.now += HEAD + 1
    assert worker.places.close_expired() == PAUSE
    assert [bool(each.ended) for each in silent] == [True] * BATCH + [False]
    assert worker.places.close_expired() == TICK
    assert silent[-1].ended


def test_slow_bodies_take_turns() -> None:
    worker = Worker()

    async def take_turns() -> list[int]:
        closed: list[int] = []

        async def close(number: int) -> None:
            await worker.places.take_turn()
            closed.append(number)

        await asyncio.gather(*map(close, range(3)))
        return closed

    assert asyncio.run(take_turns()) == [0, 1, 2]


@pytest.mark.parametrize(
    ("stages", "first"),
    [
        ((Stage.HEAD, Stage.HEAD), 0),
        ((Stage.HEAD, Stage.IDLE), 0),
        ((Stage.IDLE, Stage.HEAD), 0),
        ((Stage.BODY, Stage.HEAD), 1),
        ((Stage.BUSY, Stage.BODY), 1),
        ((Stage.BODY, Stage.BODY), 0),
    ],
)
def test_connection_that_has_waited_longest_gives_way_to_a_new_one(
    stages: tuple[Stage, Stage], first: int
) -> None:
    worker = Worker(per_client=2)
    connections = [worker.enter(stage=stage) for stage in stages]
    new = worker.enter()
    assert [each.ended for each in connections] == [
        "gave way" if n == first else "" for n in (0, 1)
    ]
    assert worker.places.excess(new) is None or not new.surplus


def test_client_is_refused_only_if_all_its_requests_are_in_progress() -> None:
    worker = Worker(per_client=2)
    first, second = (worker.enter(stage=Stage.BUSY) for _ in range(2))
    surplus = worker.enter()
    assert surplus.surplus
    assert worker.places.excess(surplus) is Excess.CLIENT
    assert not worker.enter("198.51.100.1/32").surplus
    worker.leave(first)
    assert worker.places.excess(surplus) is None
    assert not second.ended


def test_surplus_connection_gives_way_to_the_next() -> None:
    worker = Worker(per_client=1)
    worker.enter(stage=Stage.BUSY)
    surplus = worker.enter()
    worker.enter()
    assert surplus.ended == "gave way"


def test_limit_of_a_client_counts_the_connections_of_all_workers() -> None:
    counts = ClientCounts(8)
    one, other = (Worker(counts, slot, per_client=4, workers=2) for slot in (0, 1))
    in_one = [one.enter() for _ in range(3)]
    in_other = other.enter()
    other.enter()
    assert in_other.ended == "gave way"
    assert not any(each.ended for each in in_one)


def test_each_worker_serves_a_share_of_the_limit() -> None:
    counts = ClientCounts(8)
    one, other = (Worker(counts, slot, per_client=4, workers=2) for slot in (0, 1))
    for _ in range(4):
        one.enter(stage=Stage.BUSY)
    served = []
    for _ in range(3):
        new = other.enter(stage=Stage.BUSY)
        served.append(not new.surplus or other.places.excess(new) is None)
    assert served == [True, True, False]


def test_connections_of_a_worker_that_was_killed_are_forgotten() -> None:
    counts = ClientCounts(8)
    killed, other = (Worker(counts, slot, per_client=2, workers=2) for slot in (3, 11))
    killed.enter(stage=Stage.BUSY)
    assert counts.total("203.0.113.7/32") == 1
    counts.release(killed.slot)
    assert counts.total("203.0.113.7/32") == 0
    other.leave(other.enter())
    assert counts.total("203.0.113.7/32") == 0


def test_full_worker_closes_what_waits_and_refuses_only_if_nothing_does() -> None:
    worker = Worker(capacity=2)
    waiting, busy = worker.enter(None), worker.enter(None, Stage.BUSY)
    new = worker.enter(None, Stage.BUSY)
    assert (waiting.ended, new.surplus) == ("gave way", False)
    surplus = worker.enter(None)
    assert worker.places.excess(surplus) is Excess.WORKER
    worker.leave(busy)
    assert worker.places.excess(surplus) is None


def test_lower_capacity_is_reached_as_connections_arrive() -> None:
    worker = Worker(capacity=10)
    waiting = [worker.enter(None) for _ in range(10)]
    worker.places.resize(8)
    worker.enter(None)
    worker.enter(None)
    assert sum(bool(each.ended) for each in waiting) == 4


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        ("203.0.113.7", "203.0.113.7/32"),
        ("::ffff:203.0.113.7", "203.0.113.7/32"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9%eth0", "2001:db8:1:2::/64"),
        ("127.0.0.2", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("", None),
    ],
)
def test_client_of_a_connection(peer: str, client: str | None) -> None:
    assert counted_client(peer) == client


def test_client_behind_proxies_is_the_trusted_entry() -> None:
    assert counted_client("127.0.0.1", "198.51.100.1, 203.0.113.7", 1) == "203.0.113.7/32"
    assert counted_client("127.0.0.1", "127.0.0.1", 1) is None


def test_connection_takes_over_the_place_and_the_time_of_a_visitor() -> None:
    worker = Worker(per_client=3)
    first, second = worker.enter(), worker.enter()
    worker.now += HEAD / 2
    connection = Connection()
    worker.places.hand_over(first, connection)
    worker.leave(first)
    assert worker.counts.total("203.0.113.7/32") == 2
    worker.now += HEAD / 2
    worker.places.close_expired()
    assert [each.ended for each in (first, connection, second)] == ["", "expired", "expired"]
    worker.leave(connection)
    worker.leave(second)
    assert worker.counts.total("203.0.113.7/32") == 0


def test_connection_that_took_over_a_place_is_the_first_to_give_way() -> None:
    worker = Worker(per_client=2)
    first, second = worker.enter(), worker.enter()
    connection = Connection()
    worker.places.hand_over(first, connection)
    worker.enter()
    assert (connection.ended, second.ended) == ("gave way", "")
