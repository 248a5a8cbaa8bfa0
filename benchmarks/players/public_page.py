"""The player of the public pages, in Firefox. The tests have it in Chromium."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

from benchmarks.players.bidi import firefox_page
from benchmarks.players.browsers import FIREFOX, firefox
from benchmarks.players.cases import Case
from benchmarks.players.processes import TIMEOUT, PlayerError, installed

AUDIO = "document.querySelector('#player audio')"
POSITION = "document.querySelector('.player-position')"
PLAYS = f"{AUDIO}.currentTime > 0.2 && !{AUDIO}.paused && !{AUDIO}.seeking"


def cases() -> Iterator[Case]:
    """Yield the only case."""
    yield Case("firefox", "seeks, pauses and plays the next on /", "mp3", _check)


def _check(url: str, original: Path, folder: Path) -> str:
    program = installed(*FIREFOX)
    assert program is not None
    profile = folder / "profile"
    profile.mkdir()
    command = firefox(program, profile, "about:blank")
    try:
        return asyncio.run(asyncio.wait_for(_play(url, command, folder), TIMEOUT))
    except TimeoutError:
        raise PlayerError(f"did not end within {TIMEOUT} s") from None


async def _play(url: str, command: list[str], folder: Path) -> str:
    """Play a clip by mouse and keyboard, muted, since there may be no sound output."""
    async with firefox_page(command, folder) as page:
        home = urljoin(url, "/")
        await page.open(home)
        await page.evaluate("localStorage.setItem('clips-player', '{\"mute\": true}')")
        await page.open(home)
        clip = re.findall(r"/clips/(\d+)/", url)[0]
        await page.click(f".clip[data-clip='{clip}'] .clip-play")
        await page.until(PLAYS)
        await page.click(".player-position", 0.8)
        await page.until(f"{AUDIO}.currentTime > 18 && {PLAYS}")
        await page.evaluate(f"{POSITION}.focus()")
        await page.press("Home")
        await page.press("Space")
        await page.until(f"{AUDIO}.paused")
        await page.press("ArrowRight")
        reached = await page.evaluate(f"{POSITION}.getAttribute('aria-valuetext')")
        await page.click(".player-next")
        await page.until(f"{PLAYS} && {AUDIO}.currentTime < 18")
        title = await page.evaluate("navigator.mediaSession.metadata.title")
        if not re.match(r"0:0[12] of 0:\d\d", reached):
            raise PlayerError(f"the slider is at {reached}")
        return f"at {reached} by keyboard, then “{title}”"
