"""Visit the first page in Chromium with an empty cache, on a slow network if you like."""

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

# Slow 3G: 400 ms to the first byte of each response, 400 kbit/s. Connecting takes no time here.
SLOW = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
PATIENCE = 30_000  # milliseconds

# Runs before the page's own scripts. `usable` is when the newest clip and its button can be seen.
_OBSERVE = """
window.visit = {shifts: [], paint: null, usable: null};
new PerformanceObserver((list) => {
  for (const {value, hadRecentInput, sources} of list.getEntries()) {
    const nodes = sources.map(({node}) => node?.className || node?.nodeName || "");
    visit.shifts.push({value, hadRecentInput, nodes});
  }
}).observe({type: "layout-shift", buffered: true});
new PerformanceObserver((list) => {
  for (const {name, startTime} of list.getEntries()) {
    if (name === "first-contentful-paint") visit.paint = startTime;
  }
}).observe({type: "paint", buffered: true});
const look = () => {
  const button = document.querySelector(".clip .clip-play");
  if (visit.paint !== null && button?.checkVisibility() &&
      document.documentElement.classList.contains("scripted")) {
    visit.usable = performance.now();
  } else {
    requestAnimationFrame(look);
  }
};
requestAnimationFrame(look);
"""


@dataclass(frozen=True)
class Visit:
    """What a visit cost. Times are in milliseconds after the navigation began.

    `usable` is None if the page has no player. `shift` is the sum of all layout shifts except for
    those right after input, which is at least the CLS; `shifted` has the elements that moved.
    """

    requests: int
    transferred: int  # bytes of all responses with their heads, before audio
    by_url: dict[str, int]
    paint: float
    usable: float | None
    shift: float
    shifted: tuple[str, ...]
    started: bool  # whether the play button reacted


def visit(browser: Browser, url: str, *, slow: bool = False, width: int = 1280) -> Visit:
    """Open the page, scroll to its end, and start the first clip."""
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    if slow:
        session.send("Network.emulateNetworkConditions", SLOW)
    urls: dict[str, str] = {}
    sizes: dict[str, int] = {}

    def add_request(event: dict[str, Any]) -> None:
        if event["request"]["url"].startswith("http"):
            urls[event["requestId"]] = event["request"]["url"]

    def add_size(event: dict[str, Any]) -> None:
        sizes[event["requestId"]] = int(event["encodedDataLength"])

    session.on("Network.requestWillBeSent", add_request)
    session.on("Network.loadingFinished", add_size)
    page.add_init_script(_OBSERVE)
    page.set_default_timeout(PATIENCE)
    page.goto(url, wait_until="networkidle")
    by_url = {urls[each]: sizes.get(each, 0) for each in urls}
    found = page.evaluate("visit")
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    _settle(page)
    page.evaluate("window.scrollTo(0, 0)")
    _settle(page)
    started = found["usable"] is not None and _starts(page)
    _settle(page)
    shifts = [each for each in page.evaluate("visit.shifts") if not each["hadRecentInput"]]
    context.close()
    return Visit(
        len(by_url),
        sum(by_url.values()),
        by_url,
        found["paint"],
        found["usable"],
        sum(each["value"] for each in shifts),
        tuple(node for each in shifts for node in each["nodes"]),
        started,
    )


def _starts(page: Page) -> bool:
    """Press the first play button, and return whether its clip becomes the current one."""
    page.route("**/stream", lambda _route: None)  # held: a play would outlive the visit
    page.locator(".clip .clip-play").first.click()
    try:
        page.locator(".clip-current, .clip-playing").first.wait_for()
    except PlaywrightTimeout:
        return False
    return True


def _settle(page: Page) -> None:
    """Wait until two frames have been drawn."""
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
