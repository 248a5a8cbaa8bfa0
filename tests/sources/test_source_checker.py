"""How many hosts are asked at once, and what is believed of their silence."""

import threading
from collections import Counter
from collections.abc import Callable
from queue import SimpleQueue

import pytest

from library.audio.inspection import SourceReport
from library.sources.checking.due_clips import Due
from library.sources.checking.results import SEVERAL, NobodyAnswersError, believable
from library.sources.checking.source_checker import GIVEN_UP_AFTER, Found, Looks, Pace

AT_ONCE = Pace(workers=4, pause=0, again_after=0)
SILENCE = SourceReport("", "", code="origin_timeout")
AUDIO = SourceReport("", "", "audio/mpeg")
ERROR = SourceReport("", "", code="origin_http_error")


def clip(host: str, number: int = 1, health: str = "ok") -> Due:
    return Due(number, "", f"http://{host}/{number}", "", health, None)


def looked_at(clips: list[Due], look: Callable[[Due], SourceReport]) -> list[Found]:
    queue: SimpleQueue[Found | None] = SimpleQueue()
    Looks(clips, look, AT_ONCE, queue)
    found = [queue.get(timeout=10) for _ in clips]
    assert queue.empty()
    return [one for one in found if one]


def test_hosts_are_asked_at_the_same_time_and_each_one_thing_at_a_time() -> None:
    together = threading.Barrier(3)  # breaks unless three hosts are asked at once
    busy: set[str] = set()

    def look(clip: Due) -> SourceReport:
        assert clip.host not in busy
        busy.add(clip.host)
        if clip.pk == 1:
            together.wait(10)
        busy.remove(clip.host)
        return AUDIO

    clips = [clip(host, number) for host in ("a", "b", "c") for number in range(1, 20)]
    found = looked_at(clips, look)
    assert sorted(one.clip.audio_url for one in found) == sorted(one.audio_url for one in clips)
    assert {one.report for one in found} == {AUDIO}


def test_silent_host_is_given_up_and_its_other_clips_are_like_the_last() -> None:
    asked: Counter[str] = Counter()

    def look(clip: Due) -> SourceReport:
        asked[clip.host] += 1
        return SILENCE if clip.host == "dead" else ERROR

    clips = [clip(host, number) for host in ("dead", "alive") for number in range(10)]
    found = looked_at(clips, look)
    assert asked == {"dead": 2 * GIVEN_UP_AFTER, "alive": 20}
    assert Counter(one.report for one in found) == {SILENCE: 10, ERROR: 10}


def test_silence_now_and_then_gives_no_host_up() -> None:
    clips = [clip("slow", number) for number in range(20)]
    found = looked_at(clips, lambda clip: SILENCE if clip.pk % 3 else AUDIO)
    assert Counter(one.report for one in found) == {SILENCE: 13, AUDIO: 7}


def test_clip_that_fails_as_before_is_looked_at_once() -> None:
    asked: list[int] = []

    def look(clip: Due) -> SourceReport:
        asked.append(clip.pk)
        return ERROR

    looked_at([clip("a", 1, "failing"), clip("a", 2)], look)
    assert asked == [1, 2, 2]


HOSTS = [f"host{number}" for number in range(SEVERAL)]
SILENT = [Found(clip(host), SILENCE) for host in HOSTS]


def test_silence_of_all_is_not_believed() -> None:
    with pytest.raises(NobodyAnswersError):
        list(believable(SILENT))


@pytest.mark.parametrize("last", [AUDIO, ERROR, None])
def test_silence_is_believed_once_somebody_answers(last: SourceReport | None) -> None:
    found = [*SILENT, Found(clip("other"), last)]
    assert list(believable(found)) == found


def test_silence_of_few_hosts_is_believed() -> None:
    assert list(believable(SILENT[:-1])) == SILENT[:-1]


def test_upload_is_no_answer_of_anybody() -> None:
    upload = Found(Due(1, "", "", "uploads/a.mp3", "ok", 1), AUDIO)
    with pytest.raises(NobodyAnswersError):
        list(believable([upload, *SILENT]))


def test_clips_that_fail_as_before_may_all_be_silent() -> None:
    failing = [Found(clip(host, health="failing"), SILENCE) for host in HOSTS]
    assert list(believable(failing)) == failing
