"""peaks.js and wavesurfer.js, in Chromium on a page of another site, draw what the sound is."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from harness.chromium import CHROMIUM
from harness.service import ROOT, Server
from harness.waiting import until
from library.models import Clip
from tests.settings import LOCAL
from tests.sound.signals import sequence, silence, sine, wav
from tests.support.analyses import analysed

MODULES = ROOT / ".local" / "javascript" / "node_modules"
PEAKS, WAVESURFER = "peaks.js/dist/peaks.js", "wavesurfer.js/dist/wavesurfer.min.js"
pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: make system-tools"),
    pytest.mark.skipif(not (MODULES / PEAKS).exists(), reason="needs the players: make lint-js"),
]
WIDTH = 500  # pixels: 100 for each second

DRAW = {
    WAVESURFER: """async ([audio, data]) => {
      const wave = await (await fetch(data)).json();
      const peaks = [wave.data.map((value) => value / 2 ** (wave.bits - 1))];
      const player = WaveSurfer.create({container: "#wave", height: 200, url: audio, peaks});
      await new Promise((done) => player.on("ready", done));
      const media = player.getMediaElement();
      while (!media.readyState) await new Promise((done) => setTimeout(done, 10));
      player.setTime(2.5);
      return {
        seconds: wave.length * wave.samples_per_pixel / wave.sample_rate,
        duration: player.getDuration(), time: media.currentTime,
      };
    }""",
    PEAKS: """async ([audio, data]) => {
      const media = document.body.appendChild(new Audio(audio));
      const container = document.querySelector("#wave");
      const player = await new Promise((done, fail) => peaks.init({
        overview: {container}, mediaElement: media, dataUri: {json: data},
      }, (error, made) => error ? fail(error) : done(made)));
      while (!media.readyState) await new Promise((done) => setTimeout(done, 10));
      player.player.seek(2.5);
      const drawn = player.getWaveformData();
      return {
        seconds: drawn.duration, duration: player.player.getDuration(), time: media.currentTime,
      };
    }""",
}
# The columns of the canvases that have more than a line of the waveform's colour.
LOUD = """() => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap(
    (node) => [node, ...(node.shadowRoot ? all(node.shadowRoot) : [])]);
  const canvases = all(document.querySelector("#wave")).filter((node) => node.tagName === "CANVAS");
  const found = new Set();
  for (const canvas of canvases.filter(({width, height}) => width && height)) {
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let x = 0; x < canvas.width; x += 1) {
      let ink = 0;
      for (let y = 0; y < canvas.height; y += 1) ink += data[4 * (y * canvas.width + x) + 3] > 0;
      if (ink > 0.2 * canvas.height && ink < 0.95 * canvas.height) found.add(x);
    }
  }
  return [...found].sort((a, b) => a - b);
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 800, "height": 600})
    page = context.new_page()
    page.set_content(f'<div id="wave" style="width: {WIDTH}px; height: 200px"></div>')
    yield page
    context.close()


@pytest.mark.parametrize("player", DRAW)
def test_player_draws_the_sound_where_it_is(
    page: Page, server: Server, make_clip: Callable[..., Clip], player: str
) -> None:
    """The audio is silent for two seconds, then loud for three."""
    audio = wav(sequence(silence(2), sine(-6, 3)))
    folder = LOCAL / "media" / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    Path(folder / "sine.wav").write_bytes(audio)
    clip = make_clip(audio_file="uploads/sine.wav", duration=5)
    analysed(clip, audio, "audio/wav")
    url = f"{server.url}/api/v1/clips/{clip.pk}"
    page.add_script_tag(path=MODULES / player)
    sources = [f"{url}/stream", f"{url}/waveform?format=audiowaveform&points={WIDTH}"]
    found: dict[str, Any] = page.evaluate(DRAW[player], sources)
    assert found["duration"] == pytest.approx(5, abs=0.05)
    assert found["seconds"] == pytest.approx(found["duration"], abs=0.05)
    assert found["time"] == pytest.approx(2.5, abs=0.1)
    until(lambda: bool(page.evaluate(LOUD)))
    loud = page.evaluate(LOUD)
    assert loud[0] == pytest.approx(0.4 * WIDTH, abs=4)
    assert loud[-1] == pytest.approx(WIDTH - 1, abs=4)
    assert len(loud) > 0.25 * WIDTH
