"""Draw the cover of feeds and /favicon.ico with Chromium: `python -m docs.cover`.

Podcast directories require a square cover of 1,400 to 3,000 pixels without transparency.
"""

import math
import re
import struct
from pathlib import Path

from playwright.sync_api import Browser

from harness.chromium import running_browser

STATIC = Path(__file__).parent.parent / "library" / "static" / "library"
COVER, ICON = 1_400, 48  # pixels
BARS = 15
# The header of an ICO file, and its entry for one image, which is a PNG of 32 bits a pixel.
_HEADER, _ENTRY = "<HHH", "<BBBBHHII"


def main() -> None:
    """Write both files."""
    with running_browser() as browser:
        (STATIC / "cover.png").write_bytes(_drawn(browser, cover(), COVER))
        icon = _drawn(browser, (STATIC / "icon.svg").read_text(), ICON)
    start = struct.calcsize(_HEADER) + struct.calcsize(_ENTRY)
    head = struct.pack(_HEADER, 0, 1, 1)
    head += struct.pack(_ENTRY, ICON, ICON, 0, 0, 1, 32, len(icon), start)
    (STATIC / "favicon.ico").write_bytes(head + icon)


def cover() -> str:
    """Return the cover in SVG: the colour and waveform of the icon, with more bars."""
    _, colour, _ = re.split(r'<rect[^>]* fill="(.*?)"', (STATIC / "icon.svg").read_text())
    bars = []
    for number in range(BARS):
        place = (number - BARS // 2) / BARS
        height = 44 * math.exp(-9 * place * place) * (0.62 + 0.38 * math.cos(number * 2.2 - 15.4))
        bars.append(f"M{50 + place * 80:.2f} {50 - height / 2:.2f}v{height:.2f}")
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
        f'<rect width="100" height="100" fill="{colour}"/>'
        f'<path d="{"".join(bars)}" stroke="#fff" stroke-width="2.9" stroke-linecap="round"/></svg>'
    )


def _drawn(browser: Browser, svg: str, size: int) -> bytes:
    page = browser.new_page(viewport={"width": size, "height": size})
    page.set_content(f"<style>body{{margin:0}}svg{{display:block;width:{size}px}}</style>{svg}")
    picture = page.screenshot(omit_background=True)
    page.close()
    return picture


if __name__ == "__main__":
    main()
