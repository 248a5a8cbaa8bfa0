"""What kind of program plays a clip, by its User-Agent.

The kinds are Matomo's, whose list of clients `device-detector` brings anew each month. Of its
parsers only those below are asked, each behind an Aho-Corasick search that most strings do not
pass: its parsers of browsers, systems and devices would hold up a process's first listener for
seconds. So a browser is told by what all of them say, and not by name.
"""

import re
from functools import lru_cache
from typing import Final, Literal

from device_detector.parser import Bot, FeedReader, Library, MediaPlayer, MobileApp

Family = Literal["browser", "player", "app", "library", "bot", "other"]

# In characters. Of the 38,000 strings in Matomo's tests all but one are shorter; a hostile one of
# any length costs some milliseconds.
MAX_LENGTH: Final = 400

# The list lacks these, or has them among libraries or browsers. They are made to play media and
# nothing else, whatever program they are part of: Apple's, Google's and GNOME's engines, ffmpeg's.
_MEDIA_ENGINE = re.compile(
    r"AppleCoreMedia/|AndroidXMedia3/|ExoPlayer|GStreamer|\bLavf|libmpv|stagefright/"
    r"|\bCrKey/|^WMPlayer/|^Roku/|^xine/",
    re.IGNORECASE,
)
# What iOS and Android send for an app that does not name itself, or not as the list knows it.
_APP_PLATFORM = re.compile(r"\bCFNetwork/|^Dalvik/")
# Node's own fetch, a bot to the list, and PowerShell's, an app to it.
_UNLISTED_LIBRARY = re.compile(r"^node$|\bWindowsPowerShell/")
_BROWSER = re.compile(
    r"\b(?:Mozilla|Opera)/.*(?:Gecko|WebKit|MSIE|Trident|Presto)|Browser/", re.IGNORECASE
)
_UNDERSCORES = re.compile(r"__+")


def client_family(user_agent: str) -> Family:
    """The family of a User-Agent of any length and content; "other" where it is not known.

    A program that embeds an engine is an app where the list knows it by name, else a player.
    Cheap enough to ask before the first byte of a stream, and safe in threads: two that load the
    same part of the list at once do it twice, with one result.
    """
    return _family(user_agent[:MAX_LENGTH])


def warm_up() -> None:
    """Load and compile the whole list, about half a second of CPU.

    Left out, each part is loaded when it is first needed: by the first app, the first bot.
    """
    for parser in (Bot, MediaPlayer, MobileApp, FeedReader, Library):
        for client in parser("-", None).parse().regex_list:
            client["regex"].search("-")  # compiles


@lru_cache(maxsize=1024)
def _family(user_agent: str) -> Family:
    # No name needs more than ASCII, and the search before the list refuses lone surrogates. Each
    # underscore may begin a name for the list: on a run of them its search would be quadratic.
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
