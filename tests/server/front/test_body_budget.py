"""The room that bodies of requests may hold, and which one gives way."""

import asyncio
import errno
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from io import FileIO
from typing import Any

import pytest
from aiohttp.web import BaseRequest
from rest_framework.exceptions import APIException

from clips_site import settings
from clips_site.server.front import bodies, body_budget
from clips_site.server.front.bodies import received
from clips_site.server.front.body_budget import IN_MEMORY, Budget
from clips_site.server.front.client_counts import ClientCounts
from clips_site.server.front.connection import Front
from clips_site.server.front.exchange import Exchange
from clips_site.server.front.places import Patience, Places
from clips_site.server.front.refusals import last_reply
from clips_site.server.front.reply import Reply, whole_reply
from clips_site.server.front.spool import write_all
from library.api.protocol_errors import NoRoomForBody


class Sender:
    """A connection that notes whether it gave way."""

    gave_way = False

    def give_way_to_body(self) -> None:
        self.gave_way = True


def test_body_awaited_longest_gives_way() -> None:
    budget, senders = Budget(memory=25), [Sender(), Sender(), Sender()]
    with ExitStack() as claims:
        for sender in senders:
            claims.enter_context(budget.claim(sender)).add_memory(10)
        assert [sender.gave_way for sender in senders] == [True, False, False]
        assert budget.held["memory"] == 20
    assert budget.held == {"memory": 0, "disk": 0}


def test_body_gives_way_only_for_room_that_it_holds() -> None:
    budget, small, large = Budget(disk=15), Sender(), Sender()
    with budget.claim(small) as first, budget.claim(large) as second:
        first.add_memory(10)
        second.add_disk(10)
        with budget.claim(Sender()) as third:
            third.add_disk(10)
    assert (small.gave_way, large.gave_way) == (False, True)


def test_new_body_is_refused_if_all_others_are_complete() -> None:
    budget, sender = Budget(memory=15), Sender()
    with budget.claim(sender) as complete:
        complete.add_memory(10)
        complete.end_wait()
        with pytest.raises(NoRoomForBody), budget.claim(Sender()) as refused:
            refused.add_memory(10)
        assert budget.held["memory"] == 10
    assert not sender.gave_way


def test_short_writes_are_continued() -> None:
    written: list[bytes] = []

    class Short:
        def write(self, data: memoryview) -> int:
            written.append(bytes(data[:3]))
            return len(written[-1])

    write_all(Short(), b"abcdefgh")  # type: ignore[arg-type]
    assert b"".join(written) == b"abcdefgh"


class Service:
    """A server that receives bodies, and responds with their sizes."""

    def __init__(self, capacity: int = 10) -> None:
        self.loop = asyncio.get_running_loop()
        self.places = Places(
            self.loop.time,
            Patience(idle=20, head=20),
            ClientCounts(1),
            capacity=capacity,
            per_client=0,
            workers=1,
        )
        self._writers: list[asyncio.StreamWriter] = []
        self.exceptions: list[Any] = []
        self.loop.set_exception_handler(lambda _, context: self.exceptions.append(context))

    async def _handle(self, request: BaseRequest) -> Reply:
        try:
            async with received(Exchange(request)) as body:
                size = -1 if body is None else len(body.read())
        except APIException as error:
            return last_reply(error, "")
        return whole_reply(200, (), b"%d" % size)

    async def start(self) -> None:
        self._front = Front(self._handle, None, self.places, lambda _: None)
        self._server = await self.loop.create_server(self._front, "127.0.0.1", 0)
        self._address = self._server.sockets[0].getsockname()

    async def stop(self) -> None:
        for writer in self._writers:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        self._server.close()
        await self._front.shutdown(1)
        await asyncio.sleep(0)  # asyncio closes the sockets

    async def send(
        self, length: int, sent: int | None = None, path: str = "/admin/", method: str = "POST"
    ) -> asyncio.StreamReader:
        """Send the head of a request and a part of its body; all of it by default."""
        reader, writer = await asyncio.open_connection(*self._address)
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
        content = b"x" * (length if sent is None else sent)
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + content)
        self._writers.append(writer)  # or it would be closed
        return reader


def run(scenario: Callable[[Service], Any], **options: int) -> None:
    async def main() -> None:
        service = Service(**options)
        await service.start()
        try:
            await scenario(service)
        finally:
            await service.stop()
        assert service.exceptions == []

    asyncio.run(main())


def test_slow_body_that_waits_for_its_turn_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "CLIPS_BODY_GRACE", 0)

    async def scenario(service: Service) -> None:
        waiting, take_turn = asyncio.Event(), service.places.take_turn
        service.places._next_turn = service.loop.time() + 3600

        async def note_turn() -> None:
            waiting.set()
            await take_turn()

        monkeypatch.setattr(service.places, "take_turn", note_turn)
        slow = await service.send(300, 1)
        await waiting.wait()
        new = await service.send(300)
        assert (await new.read()).endswith(b"\r\n\r\n300")
        assert (await slow.read()).startswith(b"HTTP/1.1 408")

    run(scenario, capacity=1)


@pytest.mark.parametrize("length", [1, IN_MEMORY, IN_MEMORY + 1, 1_000_000])
def test_body_is_received_and_its_room_is_free_again(length: int) -> None:
    async def scenario(service: Service) -> None:
        answer = await service.send(length)
        assert (await answer.read()).endswith(b"\r\n\r\n%d" % length)
        assert body_budget.budget.held == {"memory": 0, "disk": 0}

    run(scenario)


def test_large_body_awaited_longest_gives_way_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    used = Budget(disk=1_500_000)
    monkeypatch.setattr(bodies, "budget", used)

    async def scenario(service: Service) -> None:
        slow = await service.send(1_000_001, 1_000_000)
        while used.held["disk"] < 1_000_000:
            await asyncio.sleep(0.01)
        new = await service.send(1_000_000)
        assert (await new.read()).endswith(b"\r\n\r\n1000000")
        assert (await slow.read()).startswith(b"HTTP/1.1 408")
        assert used.held == {"memory": 0, "disk": 0}

    run(scenario)


def test_full_disk_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(FileIO):
        def write(self, _data: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Full("/dev/null", "w"))

    async def scenario(service: Service) -> None:
        answer = await (await service.send(1_000_000)).read()
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"Retry-After: " in answer
        assert b'"code":"body_not_stored"' in answer

    run(scenario)


def test_body_without_room_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "budget", Budget(memory=100))

    async def scenario(service: Service) -> None:
        answer = await (await service.send(300, 1)).read()
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"Retry-After: " in answer

    run(scenario)


@pytest.mark.parametrize(
    ("method", "path", "length"),
    [
        ("GET", "/api/v1/clips", 9),
        ("HEAD", "/", 1_000_000),
        ("POST", "/api/v1/clips", 2_000_001),
        ("POST", "/docs", 2_000_001),
        ("POST", "/admin/login/", 25_000_000),
    ],
)
def test_body_that_is_not_needed_or_too_large_is_not_received(
    method: str, path: str, length: int
) -> None:
    async def scenario(service: Service) -> None:
        answer = await service.send(length, 1, path, method)
        head = await answer.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert method == "HEAD" or await answer.read(2) == b"-1"

    run(scenario)
