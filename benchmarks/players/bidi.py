"""A page in Firefox, driven by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/)."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.players.processes import PlayerError, running

KEYS = {"Home": "\ue011", "ArrowRight": "\ue014", "Space": " "}
PLACE = """([selector, share]) => {
  const element = document.querySelector(selector);
  element.scrollIntoView({block: "center", behavior: "instant"});
  const {left, top, width, height} = element.getBoundingClientRect();
  return JSON.stringify([Math.round(left + share * width), Math.round(top + height / 2)]);
}"""
REPETITION = 0.05  # seconds between two looks at a condition


class Page:
    """The only tab of a running Firefox."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._commands = 0
        self._context = ""

    async def attach(self) -> None:
        """Begin the session of WebDriver BiDi."""
        await self._call("session.new", capabilities={})
        self._context = (await self._call("browsingContext.getTree"))["contexts"][0]["context"]

    async def open(self, url: str) -> None:
        """Open a page, and wait until it has loaded."""
        await self._call(
            "browsingContext.navigate", context=self._context, url=url, wait="complete"
        )

    async def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in JavaScript: a text, a number or a boolean."""
        found = await self._call(
            "script.evaluate",
            expression=expression,
            target={"context": self._context},
            awaitPromise=True,
        )
        if found["type"] != "success":
            raise PlayerError(json.dumps(found["exceptionDetails"]["text"]))
        return found["result"].get("value")

    async def until(self, condition: str) -> None:
        """Return as soon as an expression is true."""
        while not await self.evaluate(f"Boolean({condition})"):
            await asyncio.sleep(REPETITION)

    async def click(self, selector: str, share: float = 0.5) -> None:
        """Click an element, at this share of its width."""
        place = await self.evaluate(f"({PLACE})({json.dumps([selector, share])})")
        x, y = json.loads(place)
        button = [{"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp")]
        await self._act("pointer", [{"type": "pointerMove", "x": x, "y": y}, *button])

    async def press(self, key: str) -> None:
        """Press a key of KEYS."""
        await self._act(
            "key", [{"type": kind, "value": KEYS[key]} for kind in ("keyDown", "keyUp")]
        )

    async def _act(self, device: str, actions: list[dict[str, Any]]) -> None:
        source = {"type": device, "id": device, "actions": actions}
        await self._call("input.performActions", context=self._context, actions=[source])

    async def _call(self, method: str, **parameters: Any) -> Any:
        self._commands += 1
        await self._socket.send_json({"id": self._commands, "method": method, "params": parameters})
        answer = await self._socket.receive_json()
        if answer["type"] != "success":
            raise PlayerError(f"{method}: {answer['message']}")
        return answer["result"]


@asynccontextmanager
async def firefox_page(command: list[str], folder: Path) -> AsyncIterator[Page]:
    """Run Firefox by this command, which ends with `about:blank`, and attach to its page."""
    with running([*command, "--remote-debugging-port=0"], folder):
        address = None
        while address is None:
            await asyncio.sleep(REPETITION)
            address = re.search(r"ws://\S+", (folder / "stderr").read_text(errors="replace"))
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{address[0]}/session", max_msg_size=0) as socket,
        ):
            page = Page(socket)
            await page.attach()
            yield page
