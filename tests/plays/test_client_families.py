"""Families of User-Agents, as programs send them and as attackers might."""

import pickle
from pathlib import Path

import pytest
from device_detector.parser import Bot
from hypothesis import given, settings
from hypothesis import strategies as st

from library.plays.client_families import client_family, warm_up

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) {SAFARI}"
BLINK = "AppleWebKit/537.36 (KHTML, like Gecko"
CHROME = f"{BLINK}) Chrome/146.0.0.0"

BROWSERS = [
    f"{WINDOWS} {CHROME} Safari/537.36",
    f"{WINDOWS} {CHROME} Safari/537.36 Edg/146.0.0.0",
    f"{WINDOWS} {CHROME} Safari/537.36 OPR/110.0.0.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Android 14; Mobile; rv:125.0) Gecko/125.0 Firefox/125.0",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {SAFARI} Version/17.4.1 Safari/605.1.15",
    f"{IPHONE} Version/17.4.1 Mobile/15E148 Safari/604.1",
    f"{IPHONE} CriOS/124.0.6367.68 Mobile/15E148 Safari/604.1",
    f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S918B) {BLINK}) SamsungBrowser/24.0 Chrome/117.0",
    "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
    "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18",
    "UCWEB/2.0 (Linux; U; Adr 4.2.2; fr-FR; W716) U2/1.0.0 UCBrowser/8.6.0.276 U2/1.0.0 Mobile",
]
PLAYERS = [
    "VLC/3.0.20 LibVLC/3.0.20",
    "libmpv",
    "mpv 0.35.1",
    "foobar2000/1.6.16",
    "Winamp/5.8",
    "WinampMPEG/5.09",
    "iTunes/12.9 (Macintosh; OS X 10.14)",
    "iTunes/12.12.4 (Windows; Microsoft Windows 10 x64) AppleWebKit/7613.2007",
    "Kodi/20.2 (X11; Linux x86_64) App_Bitness/64 Version/20.2-(20.2.0)-Git:20230629",
    "GStreamer souphttpsrc 1.22.0 libsoup/3.2.2",
    "stagefright/1.2 (Linux;Android 12)",
    "MyPlayer/1.0 Lavf/59.27.100",
    "MyApp/1.0 (Linux;Android 14) ExoPlayerLib/2.18.1",
    "com.example.radio/3.2 (Linux; Android 13) AndroidXMedia3/1.3.1",
    "AppleCoreMedia/1.0.0.21E219 (iPhone; U; CPU OS 17_4 like Mac OS X; en_us)",
    "NSPlayer/12.00.19041.3636 WMFSDK/12.00.19041.3636",
    "WMPlayer/10.0.0.364 guid/3300AD50-2C39-46C0-AE0A-AC7B8159E203",
    "Windows-Media-Player/12.0.19041.1",
    "MPlayer 1.4-10 (C) 2000-2019 MPlayer Team",
    "Music Player Daemon 0.23.5",
    "Audacious/4.1 neon/0.32.2",
    "QuickTime/7.6.9 (qtver=7.6.9;os=Windows NT 6.1)",
    "xine/1.2.9",
    "Linux UPnP/1.0 Sonos/79.1-53290 (ZPS14)",
    "Roku/DVP-12.5 (12.5.0.4178-46)",
    f"Mozilla/5.0 (X11; Linux armv7l) {CHROME} Safari/537.36 CrKey/1.56.500000",
]
APPS = [
    "Spotify/8.9.18 iOS/17.4 (iPhone14,5)",
    "Spotify/8.9.18.512 Android/34 (SM-S918B)",
    "PocketCasts/1.0 (Pocket Casts Feed Parser; +http://pocketcasts.com/)",
    "Overcast/3.0 (+http://overcast.fm/; iOS podcast app)",
    "Podcasts/1575.1.2 CFNetwork/1240.0.4 Darwin/20.6.0",
    "AntennaPod/3.4.0",
    "Castbox/11.2.1",
    "TuneIn Radio/33.5 (Linux;Android 14) ExoPlayerLib/2.11.8",
    f"{IPHONE} Mobile/21E219 Instagram 325.0.0.0",
    f"{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/460.0.0.29.105;FBDV/iPhone14,5;FBSV/17.4.1]",
    "WhatsApp/2.24.8.78 A",
    "MyApp/12 CFNetwork/1490.0.4 Darwin/23.4.0",
    "Dalvik/2.1.0 (Linux; U; Android 13; Pixel 7 Build/TQ3A)",
]
LIBRARIES = [
    "curl/8.14.1",
    "Lavf/59.27.100",
    f"Mozilla/5.0 (X11; Linux x86_64) {BLINK}) HeadlessChrome/146.0.0.0 Safari/537.36",
    "libcurl/7.88.1",
    "Wget/1.21.3",
    "python-requests/2.32.3",
    "python-httpx/0.27.0",
    "Python/3.11 aiohttp/3.9.1",
    "Python-urllib/3.11",
    "python-urllib3/2.2.1",
    "okhttp/4.12.0",
    "Go-http-client/1.1",
    "axios/1.6.8",
    "node",
    "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
    "undici",
    "Java/17.0.1",
    "Apache-HttpClient/4.5.14 (Java/17.0.9)",
    "Dart/3.3 (dart:io)",
    "PostmanRuntime/7.37.3",
    "insomnia/9.0.0",
    "HTTPie/3.2.2",
    "libwww-perl/6.67",
    "GuzzleHttp/7",
    "reqwest/0.12.4",
    "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.4291",
]
BOTS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    f"Mozilla/5.0 {BLINK}; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0",
    f"Mozilla/5.0 {BLINK}; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Mozilla/5.0 (compatible; UnheardOfBot/1.0; +https://example.org/bot)",
]
OTHERS = ["", " ", "-", "hello", "Mozilla/5.0", "MyCustomThing/1.0"]
# Strings that break parsers: no text, no end, no ASCII, half a character, nesting.
HOSTILE = ["\0", "é", "\udcff", "x/1 ", "((([", '{"a":', "%00", "\r\n", "_", "node_", "'\\", "🎵"]


@pytest.mark.parametrize(
    ("family", "user_agent"),
    [
        (family, user_agent)
        for family, user_agents in [
            ("browser", BROWSERS),
            ("player", PLAYERS),
            ("app", APPS),
            ("library", LIBRARIES),
            ("bot", BOTS),
            ("other", OTHERS),
        ]
        for user_agent in user_agents
    ],
)
def test_user_agent_belongs_to_its_family(family: str, user_agent: str) -> None:
    assert client_family(user_agent) == family


@pytest.mark.parametrize("part", HOSTILE)
def test_hostile_user_agent_is_other(part: str) -> None:
    assert client_family(part * 10_000) == "other"


def test_only_the_beginning_of_a_long_user_agent_is_read() -> None:
    assert client_family("curl/8.14.1 " + "x" * 10_000 + " Googlebot/2.1") == "library"


@settings(deadline=None)  # the first app or bot loads its part of the list
@given(st.text(st.characters(), max_size=400), st.sampled_from(BROWSERS + APPS + BOTS))
def test_every_user_agent_has_a_family(noise: str, user_agent: str) -> None:
    families = {"browser", "player", "app", "library", "bot", "other"}
    assert client_family(noise + user_agent + noise) in families


def test_warming_up_changes_no_family(tmp_path: Path) -> None:
    before = [client_family(f"{user_agent} (before)") for user_agent in APPS + BOTS]
    warm_up(tmp_path / "cache")
    assert [client_family(f"{user_agent} (after)") for user_agent in APPS + BOTS] == before


def test_next_process_loads_the_compiled_patterns_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm_up(tmp_path / "cache")
    patterns = [client["regex"] for client in Bot("-", None).regex_list]
    for pattern in patterns:
        pattern.compiled = None
    monkeypatch.setattr("regex.compile", None)  # not needed
    warm_up(tmp_path / "cache")
    assert all(pattern.compiled for pattern in patterns)


@pytest.mark.parametrize("left_over", [b"damaged", pickle.dumps("another version")])
def test_cache_that_is_damaged_or_of_another_version_is_replaced(
    tmp_path: Path, left_over: bytes
) -> None:
    cache = tmp_path / "cache"
    cache.write_bytes(left_over)
    warm_up(cache)
    assert cache.stat().st_size > 100_000


def test_warming_up_needs_no_cache(tmp_path: Path) -> None:
    warm_up(tmp_path / "missing" / "cache")
    assert list(tmp_path.iterdir()) == []
