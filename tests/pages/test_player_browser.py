"""The player of the public pages, in Chromium."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect
from requests import Response

from harness.chromium import CHROMIUM
from harness.origin import Origin, answer
from harness.waiting import until
from library.audio.errors import CAUSES
from library.models import Clip, Listen, PlayEvent
from tests.support.analyses import analysed
from tests.support.pages import Open, look
from tests.support.tones import AUDIO, LENGTH, make_tone

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: make system-tools")

ALMOST_THE_END = str(LENGTH - 0.2)
STARTED_AT = "played.start(audio.played.length - 1)"  # the last place from which it played
FOCUS_IS_COVERED = """() => {
  const focused = document.activeElement.getBoundingClientRect();
  return focused.bottom > document.getElementById("player").getBoundingClientRect().top;
}"""


class Player:
    """The player of a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.bar = page.get_by_role("region", name="Player")
        self.audio = page.locator("#player audio")
        self.slider = self.bar.get_by_role("slider", name="Position")
        self.play = self.bar.locator(".player-play")
        self.next = self.bar.get_by_role("button", name="Next")
        self.previous = self.bar.get_by_role("button", name="Previous")
        self.alert = self.bar.get_by_role("alert")

    def clip(self, title: str) -> Locator:
        return self.page.locator(f".clip[data-title='{title}']")

    def get(self, name: str) -> Any:
        """Return a property of the audio element."""
        return self.audio.evaluate(f"audio => audio.{name}")

    def pause_at(self, seconds: float) -> None:
        """Pause there, so that the time a test takes does not matter."""
        self.audio.evaluate("audio => audio.pause()")
        self.slider.fill(str(seconds))
        assert self.get("currentTime") == seconds

    def await_clip(self, title: str) -> None:
        """Return when this clip plays."""
        expect(self.bar.locator(".player-title")).to_have_text(title)
        expect(self.clip(title)).to_contain_class("clip-playing")
        # Before it has loaded, its time is already the one that was sought.
        playing = "readyState > 2 && audio.currentTime > 0 && !audio.paused && !audio.seeking"
        until(lambda: self.get(playing))


@pytest.fixture
def tones(transactional_db: None) -> list[Clip]:
    """Three clips, in the order of the page."""
    return [make_tone(title) for title in ("Third", "Second", "First")][::-1]


def streams_of(page: Page) -> list[str]:
    """Return the list to which the ranges of requests for streams are added."""
    ranges: list[str] = []

    def add(request: Request) -> None:
        if request.url.endswith("/stream"):
            ranges.append(request.headers.get("range", ""))

    page.on("request", add)
    return ranges


def test_clip_plays_once_while_the_listener_pauses_and_seeks(
    open_page: Open, transactional_db: None
) -> None:
    clip = make_tone("Rain", creator="Ann")
    analysed(clip, AUDIO, "audio/wav")
    page = open_page("/")
    player, streams = Player(page), streams_of(page)
    page.reload(wait_until="networkidle")
    expect(player.bar).to_be_hidden()
    assert streams == []

    page.get_by_role("button", name="Play Rain").click()
    player.await_clip("Rain")
    expect(player.bar).to_contain_text("Ann")
    page.get_by_role("button", name="Pause Rain").click()
    expect(player.play).to_have_accessible_name("Play")
    assert player.get("paused")

    player.slider.press("Home")
    for key, valuetext in (
        ("ArrowRight", "0:01 of 0:20"),
        ("ArrowUp", "0:02 of 0:20"),
        ("ArrowLeft", "0:01 of 0:20"),
        ("PageUp", "0:03 of 0:20"),  # a tenth of the clip
        ("End", "0:20 of 0:20"),
    ):
        player.slider.press(key)
        expect(player.slider).to_have_attribute("aria-valuetext", valuetext)
    player.slider.press("Home")
    player.slider.press("PageUp")
    assert player.get("currentTime") == pytest.approx(LENGTH / 10)
    player.slider.fill("3")
    assert player.get("currentTime") == 3
    assert player.get("paused")

    wave = player.clip("Rain").locator(".wave")
    box = wave.bounding_box()
    assert box
    wave.click(position={"x": box["width"] / 2, "y": 5})
    player.await_clip("Rain")
    assert player.get(STARTED_AT) == pytest.approx(LENGTH / 2, abs=0.2)
    played = "clip => parseFloat(clip.style.getPropertyValue('--played'))"
    assert player.clip("Rain").evaluate(played) > 40
    clip.refresh_from_db()
    assert clip.play_count == 1


def test_waveform_of_another_clip_plays_it_from_there(open_page: Open, tones: list[Clip]) -> None:
    page = open_page("/")
    player = Player(page)
    wave = player.clip("Second").locator(".wave")
    box = wave.bounding_box()
    assert box
    wave.click(position={"x": box["width"] / 2, "y": 5})
    player.await_clip("Second")
    assert player.get("currentTime") > LENGTH / 2 - 0.2
    assert [Clip.objects.get(pk=tone.pk).play_count for tone in tones] == [0, 1, 0]


def test_clips_of_the_page_follow_each_other(open_page: Open, tones: list[Clip]) -> None:
    page = open_page("/")
    player = Player(page)
    player.clip("First").locator(".clip-play").click()
    until(lambda: player.get("currentTime > 0.7"))
    player.next.click()
    player.await_clip("Second")
    expect(page.locator(".clip-current, .clip-playing")).to_have_count(1)
    until(lambda: player.get("currentTime > 0.7"))
    player.pause_at(1)
    player.previous.click()
    player.await_clip("First")
    player.pause_at(LENGTH / 2)
    player.previous.click()
    player.await_clip("First")
    assert player.get("currentTime") < LENGTH / 2

    player.slider.fill(ALMOST_THE_END)  # it ends, and the next one follows
    player.await_clip("Second")
    player.clip("Third").locator(".clip-play").click()
    player.await_clip("Third")
    expect(player.next).to_have_attribute("aria-disabled", "true")
    player.slider.fill(ALMOST_THE_END)
    until(lambda: player.get("ended"))
    expect(player.play).to_have_accessible_name("Play")
    player.play.click()
    player.await_clip("Third")

    player.pause_at(1)
    player.previous.click()
    player.await_clip("Second")
    player.bar.get_by_role("button", name="Autoplay").click()
    player.slider.fill(ALMOST_THE_END)
    until(lambda: player.get("ended"))
    expect(player.bar.locator(".player-title")).to_have_text("Second")
    assert [Clip.objects.get(pk=tone.pk).play_count for tone in tones] == [1, 1, 1]
    heard = Listen.objects.filter(clip__in=tones[:2], heard_length__gt=600)
    until(lambda: heard.filter(playing=False).count() == 2)


# Keeps the handlers, as the browser gives a page no way to call them.
KEEP_HANDLERS = """
window.handlers = {};
navigator.mediaSession.setActionHandler = (action, handler) => { handlers[action] = handler; };
"""


def test_media_keys_control_the_player(open_page: Open, tones: list[Clip]) -> None:
    analysed(tones[0], AUDIO, "audio/wav")
    page = open_page("/")
    page.add_init_script(KEEP_HANDLERS)
    page.reload()
    player = Player(page)
    player.clip("First").locator(".clip-play").click()
    player.await_clip("First")

    def metadata() -> Any:
        return page.evaluate("""() => {
          const { title, artist, artwork } = navigator.mediaSession.metadata;
          return [title, artist, new URL(artwork[0].src).pathname];
        }""")

    def state() -> Any:
        return page.evaluate("navigator.mediaSession.playbackState")

    def act(action: str, **details: float) -> None:
        page.evaluate("([action, details]) => handlers[action](details)", [action, details])

    assert metadata() == ["First", "", f"/api/v1/clips/{tones[0].pk}/waveform.png"]
    assert state() == "playing"
    act("pause")
    until(lambda: state() == "paused")
    act("seekto", seekTime=1)
    act("seekforward", seekOffset=2)
    act("seekbackward", seekOffset=0.5)
    assert player.get("currentTime") == 2.5
    act("play")
    player.await_clip("First")
    act("nexttrack")
    player.await_clip("Second")
    assert metadata()[0] == "Second"
    assert metadata()[2].endswith(".svg")
    player.pause_at(1)
    act("previoustrack")
    player.await_clip("First")
    act("stop")
    until(lambda: state() == "paused")
    assert player.get("currentTime") == 0


def test_settings_are_remembered(open_page: Open, transactional_db: None) -> None:
    analysed(make_tone("Rain"), AUDIO, "audio/wav")
    page = open_page("/")
    player = Player(page)
    page.get_by_role("button", name="Play Rain").click()
    player.await_clip("Rain")
    gain = float(player.clip("Rain").get_attribute("data-gain") or "")
    assert gain < -10
    volume = player.bar.get_by_role("slider", name="Volume")
    volume.fill("0.5")
    expect(volume).to_have_attribute("aria-valuetext", "50 %")
    equal = player.bar.get_by_role("button", name="Equal loudness")
    expect(equal).to_have_attribute("aria-pressed", "false")
    assert player.get("volume") == 0.5
    equal.click()
    assert player.get("volume") == pytest.approx(0.5 * 10 ** (gain / 20))
    player.bar.get_by_role("button", name="Mute").click()

    page.reload()
    page.get_by_role("button", name="Play Rain").click()
    player.await_clip("Rain")
    assert player.get("volume") == pytest.approx(0.5 * 10 ** (gain / 20))
    assert player.get("muted")
    expect(equal).to_have_attribute("aria-pressed", "true")

    other = page.context.new_page()
    other.goto("/")
    other.get_by_role("button", name="Play Rain").click()
    until(lambda: player.get("paused"))
    assert not player.get("ended")


def test_failing_clip_says_why_and_recovers(
    open_page: Open,
    make_clip: Callable[..., Clip],
    tones: list[Clip],
    origin: Origin,
    http: Callable[..., Response],
) -> None:
    linked = make_clip(title="Linked", audio_url=origin.url("/tone.wav"), duration=LENGTH)
    page = open_page("/", width=320)
    player = Player(page)
    page.get_by_role("button", name="Play Linked").click()
    sentence = CAUSES["origin_http_error"].sentence
    expect(player.alert).to_contain_text(f"This clip can't be played. {sentence} Try again later")
    expect(player.clip("Linked")).to_contain_class("clip-failed")
    expect(player.play).to_have_accessible_name("Play")
    look(page, "light")

    player.next.click()
    player.await_clip("First")
    expect(player.alert).to_be_empty()
    player.previous.click()
    expect(player.alert).to_contain_text(sentence)
    origin.on("/tone.wav", answer(AUDIO, headers={"Content-Type": "audio/wav"}))
    stream = f"/api/v1/clips/{linked.pk}/stream"
    probe = {"Range": "bytes=0-1"}  # no play; the service remembers a failure for a moment
    until(lambda: http("GET", stream, headers=probe).status_code == 206)
    player.bar.get_by_role("button", name="Try again").press("Enter")
    player.await_clip("Linked")
    expect(player.alert).to_be_empty()
    expect(player.play).to_be_focused()

    Clip.objects.filter(pk=tones[1].pk).withdraw("Its creator asked for it.")
    page.get_by_role("button", name="Play Second").click()
    expect(player.alert).to_contain_text("Its creator asked for it.")
    expect(player.alert).to_contain_text("Play another clip.")
    Clip.objects.filter(pk=tones[1].pk).publish()
    page.get_by_role("button", name="Play Second").click()
    player.await_clip("Second")

    page.context.set_offline(True)
    page.get_by_role("button", name="Play Third").click()
    expect(player.alert).to_contain_text("You are offline.")
    assert not PlayEvent.objects.filter(clip=tones[2]).exists()


def test_clip_that_is_slow_is_no_error(open_page: Open, tones: list[Clip]) -> None:
    page = open_page("/")
    page.clock.install()
    page.reload()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(f"**/clips/{tones[0].pk}/stream", hold)  # no response
    player = Player(page)
    page.get_by_role("button", name="Play First").click()
    expect(player.bar).to_contain_class("player-waiting")
    assert player.play.evaluate("e => getComputedStyle(e).animationName") == "player-waiting"
    page.emulate_media(reduced_motion="reduce")
    assert player.play.evaluate("e => getComputedStyle(e).animationName") == "none"
    page.clock.run_for(6000)
    expect(player.bar.get_by_role("status")).to_contain_text("Still loading.")
    expect(player.alert).to_be_empty()
    player.next.click()
    player.await_clip("Second")
    expect(player.bar.get_by_role("status")).to_be_empty()
    for route in held:
        route.abort()


@pytest.mark.parametrize("width", [320, 1280])
def test_keyboard_reaches_everything_and_the_player_covers_nothing(
    open_page: Open, transactional_db: None, width: int
) -> None:
    title = "كليب طويل جدا " * 10
    for number in range(6):
        make_tone(f"{title}{number}", creator="A very long name of a creator " * 3)
    page = open_page("/", width=width, dark=width == 320)
    player = Player(page)
    page.locator(".clip-play").first.press("Enter")
    until(lambda: player.get("currentTime > 0"))
    expect(player.bar.locator(".player-title")).to_have_attribute("title", f"{title}5")
    look(page, "dark" if width == 320 else "light")

    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.className"))
        if reached[-1].startswith("player-"):
            break
        assert not page.evaluate(FOCUS_IS_COVERED)
    while len(reached) < 60 and reached[-1] != "player-follow":
        if reached[-1] == "player-more":
            page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.className"))
    names = ["previous", "play", "next", "title", "position", "mute", "volume", "equal", "follow"]
    shown = [name.removeprefix("player-") for name in reached if name.startswith("player-")]
    assert [name for name in shown if name != "more"] == names
    look(page, "dark" if width == 320 else "light")
    player.slider.focus()
    paused = player.get("paused")
    page.keyboard.press("Space")
    assert player.get("paused") is not paused
