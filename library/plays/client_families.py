"""Classify a client by its User-Agent: browser, player, app, library, bot or other.

The families are Matomo's. The package device-detector contains Matomo's list of clients and is
updated every month. This module uses only the parsers below; each rejects most strings with an
Aho-Corasick search. The parsers for browsers, systems and devices would delay the first listener of
a process for seconds, so a browser is recognized by the words that all browsers send, not by name.
"""

import pickle
import re
import sys
import tempfile
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

from device_detector.parser import Bot, FeedReader, Library, MediaPlayer, MobileApp

Family = Literal["browser", "player", "app", "library", "bot", "other"]

# In characters. All but one of the 38,000 strings in Matomo's tests are shorter. A hostile string
# of this length takes some milliseconds.
MAX_LENGTH: Final = 400

_PARSERS = (Bot, MediaPlayer, MobileApp, FeedReader, Library)

# Media engines of Apple, Google, GNOME and FFmpeg, which the list lacks or calls libraries or
# browsers. They only play media, whichever program contains them.
_MEDIA_ENGINE = re.compile(
    r"AppleCoreMedia/|AndroidXMedia3/|ExoPlayer|GStreamer|\bLavf|libmpv|stagefright/"
    r"|\bCrKey/|^WMPlayer/|^Roku/|^xine/",
    re.IGNORECASE,
)
# Sent by iOS and Android for an app that does not name itself, or has a name the list lacks.
_APP_PLATFORM = re.compile(r"\bCFNetwork/|^Dalvik/")
# The list calls Node.js's fetch a bot and PowerShell's an app. Chrome without a window is
# controlled by a program, and `Lavf` alone is FFmpeg, which mostly downloads or converts.
_UNLISTED_LIBRARY = re.compile(r"^node$|\bWindowsPowerShell/|\bHeadlessChrome/|^Lavf/")
_BROWSER = re.compile(
    r"\b(?:Mozilla|Opera)/.*(?:Gecko|WebKit|MSIE|Trident|Presto)|Browser/", re.IGNORECASE
)
_UNDERSCORES = re.compile(r"__+")


def client_family(user_agent: str) -> Family:
    """Return the family of a User-Agent of any length and content, "other" if it is unknown.

    A program that contains a media engine is an app if the list knows its name, otherwise a player.
    Fast enough to call before the first byte of a stream, and thread-safe: two threads that load
    the same part of the list at once do the work twice, with the same result.
    """
    return _family(user_agent[:MAX_LENGTH])


def warm_up(cache: Path) -> None:
    """Load and compile the whole list, so that no listener waits for it.

    Compiling takes one to three seconds of CPU. The compiled patterns are kept in the file `cache`,
    from which the next process loads them within 0.1 s.
    """
    patterns = [
        client["regex"] for parser in _PARSERS for client in parser("-", None).parse().regex_list
    ]
    # The order of the patterns and the code they are compiled to depend on these.
    versions = (sys.version, version("regex"), version("device-detector"))
    # Unpickling can run code from the file. Only this service can write to its folder, which also
    # contains its secret key.
    with suppress(Exception), cache.open("rb") as file:  # a damaged file is replaced
        if pickle.load(file) == versions:  # noqa: S301
            for pattern, ready in zip(patterns, pickle.load(file), strict=True):  # noqa: S301
                pattern.compiled = ready
            return
    for pattern in patterns:
        pattern.search("-")  # compiles
    compiled = [pattern.compiled for pattern in patterns]
    # Replace the cache, unless its folder is read-only or full.
    with suppress(OSError), tempfile.TemporaryDirectory(dir=cache.parent) as folder:
        unfinished = Path(folder, cache.name)
        unfinished.write_bytes(pickle.dumps(versions) + pickle.dumps(compiled))
        unfinished.replace(cache)


@lru_cache(maxsize=1024)
def _family(user_agent: str) -> Family:
    # No name needs more than ASCII, and the Aho-Corasick search rejects lone surrogates. For the
    # list each underscore may begin a name: a run of them would take quadratic time.
    user_agent = _UNDERSCORES.sub("_", user_agent.encode("ascii", "replace").decode())
    if _UNLISTED_LIBRARY.search(user_agent):
        return "library"
    if _listed(Bot, user_agent):
        return "bot"
    if _listed(MediaPlayer, user_agent):
        return "player"
    if _APP_PLATFORM.search(user_agent):
        return "app"
    if _listed(MobileApp, user_agent) or _listed(FeedReader, user_agent):
        return "app"
    if _MEDIA_ENGINE.search(user_agent):
        return "player"
    if _listed(Library, user_agent):
        return "library"
    if _BROWSER.search(user_agent):
        return "browser"
    return "other"


def _listed(parser: type[Bot | MediaPlayer | MobileApp | FeedReader | Library], ua: str) -> bool:
    return bool(parser(ua, None).parse().is_known())
