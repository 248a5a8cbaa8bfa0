"""Previews in Chromium last as long as their clip says: the encoder's delay is compensated."""

import pytest

from harness.chromium import CHROMIUM
from library.models import Format
from tests.support.pages import Open
from tests.support.renditions import PREVIEW, with_renditions

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: make system-tools")

FRAME = 1152 / 44_100  # seconds, of MP3; those of AAC and Opus are shorter
DURATIONS = """async (url) => {
  const audio = new Audio(url);
  await new Promise((done, failed) => { audio.onloadedmetadata = done; audio.onerror = failed; });
  const bytes = await (await fetch(url)).arrayBuffer();
  const decoded = await new OfflineAudioContext(1, 1, 48000).decodeAudioData(bytes);
  return [audio.duration, decoded.duration];
}"""


@pytest.mark.django_db(transaction=True)
def test_preview_of_eight_seconds_lasts_eight_seconds(open_page: Open) -> None:
    variants = [PREVIEW._replace(format=str(form)) for form in Format]
    clip = with_renditions(*variants)
    page = open_page("/")
    for variant in variants:
        query = f"part=preview&format={variant.format}"
        found = page.evaluate(DURATIONS, f"/api/v1/clips/{clip.pk}/stream?{query}")
        assert found == pytest.approx([8.0, 8.0], abs=FRAME), variant
