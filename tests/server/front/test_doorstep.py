"""Connections that are accepted before they send anything."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.web import BaseRequest

from clips_site.server.front.client_counts import ClientCounts
from clips_site.server.front.connection import Front
from clips_site.server.front.doorstep import Doorstep
from clips_site.server.front.places import Patience, Places, Stage
from clips_site.server.front.reply import Reply, whole_reply

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


class Service:
    """A listening socket and its places, with a clock that stands still."""

    def __init__(self) -> None:
        self.now = 0.0
        patience = Patience(idle=5, head=20)
        self.places = Places(
            lambda: self.now, patience, ClientCounts(1), capacity=10, per_client=5, workers=1
        )
        self.front = Front(self._handle, None, self.places, lambda _: "client")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self.doorstep = Doorstep(self._listener, self.front)

    async def _handle(self, _: BaseRequest) -> Reply:
        return whole_reply(200, (), b"")

    @property
    def holders(self) -> list[Any]:
        """The connections that await the head of a request."""
        return [*self.places._all.waiting[Stage.HEAD].values()]


@contextlib.asynccontextmanager
async def visitor() -> AsyncIterator[tuple[Service, socket.socket]]:
    """A service, and a client that has connected and sent nothing."""
    service = Service()
    service.doorstep.open()
    with socket.create_connection(service.address) as client:
        client.setblocking(False)  # noqa: FBT003
        while not service.holders:
            await asyncio.sleep(0.001)
        yield service, client
        service.doorstep.close()
        await service.front.shutdown(1)
        await asyncio.sleep(0.01)  # asyncio closes the sockets


def test_time_before_the_first_byte_counts_for_the_head() -> None:
    async def scenario() -> None:
        async with visitor() as (service, client):
            service.now = 19
            before = service.holders
            client.send(REQUEST)
            while service.holders == before:
                await asyncio.sleep(0.001)
            assert [holder.since for holder in service.holders] == [0]
            service.now = 20
            service.places.close_expired()
            answer = await asyncio.get_running_loop().sock_recv(client, 100)
            assert answer.startswith(b"HTTP/1.1 408")

    asyncio.run(scenario())


def test_visitor_that_is_served_has_one_place() -> None:
    async def scenario() -> None:
        async with visitor() as (service, client):
            client.send(REQUEST + b"\r\n")
            answer = await asyncio.get_running_loop().sock_recv(client, 100)
            assert answer.startswith(b"HTTP/1.1 200")
            assert service.places._all.size == 1
            client.close()
            while service.places._all.size:
                await asyncio.sleep(0.001)

    asyncio.run(scenario())


@pytest.mark.parametrize("gives_way", [False, True])
def test_connection_that_cannot_be_served_is_closed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, gives_way: bool
) -> None:
    async def scenario() -> None:
        async with visitor() as (service, client):
            loop, failing = asyncio.get_running_loop(), asyncio.Event()

            async def fail(*_: Any) -> None:
                failing.set()
                await asyncio.sleep(0)
                raise OSError("too many open files")

            monkeypatch.setattr(loop, "connect_accepted_socket", fail)
            client.send(REQUEST)
            if gives_way:
                await failing.wait()
                (holder,) = service.holders
                service.places.leave(holder)
                holder.give_way()
            with contextlib.suppress(ConnectionResetError):
                assert await loop.sock_recv(client, 100) == b""
            while service.places._all.size:
                await asyncio.sleep(0.001)

    asyncio.run(scenario())
    assert "too many open files" in caplog.text
