"""Concurrent checks of hosts, and the treatment of hosts that do not respond."""

import threading
from collections import Counter
from collections.abc import Callable
from queue import SimpleQueue

import pytest

from library.audio.inspection import SourceReport
from library.sources.checking import (
    GIVE_UP_AFTER,
    SEVERAL_HOSTS,
    CheckResult,
    NoOriginRespondsError,
    Pace,
    SourceChecker,
    plausible_results,
)
from library.sources.due_clips import DueClip

AT_ONCE = Pace(workers=4, pause=0, again_after=0)
NO_RESPONSE = SourceReport("", "", code="origin_timeout")
AUDIO = SourceReport("", "", "audio/mpeg")
ERROR = SourceReport("", "", code="origin_http_error")


def clip(host: str, number: int = 1, health: str = "ok") -> DueClip:
    return DueClip(number, "", f"http://{host}/{number}", "", health, None)


def check(clips: list[DueClip], inspect: Callable[[DueClip], SourceReport]) -> list[CheckResult]:
    queue: SimpleQueue[CheckResult | None] = SimpleQueue()
    SourceChecker(clips, inspect, AT_ONCE, queue)
    results = [queue.get(timeout=10) for _ in clips]
    assert queue.empty()
    return [result for result in results if result]


def test_hosts_are_checked_concurrently_with_one_request_at_a_time_each() -> None:
    three_hosts = threading.Barrier(3)  # breaks unless three hosts are inspected at once
    busy: set[str] = set()

    def inspect(clip: DueClip) -> SourceReport:
        assert clip.host not in busy
        busy.add(clip.host)
        if clip.pk == 1:
            three_hosts.wait(10)
        busy.remove(clip.host)
        return AUDIO

    clips = [clip(host, number) for host in ("a", "b", "c") for number in range(1, 20)]
    results = check(clips, inspect)
    assert sorted(one.clip.audio_url for one in results) == sorted(one.audio_url for one in clips)
    assert {one.report for one in results} == {AUDIO}


def test_host_without_responses_is_given_up_and_its_other_clips_get_the_last_report() -> None:
    requests: Counter[str] = Counter()

    def inspect(clip: DueClip) -> SourceReport:
        requests[clip.host] += 1
        return NO_RESPONSE if clip.host == "dead" else ERROR

    clips = [clip(host, number) for host in ("dead", "alive") for number in range(10)]
    results = check(clips, inspect)
    assert requests == {"dead": 2 * GIVE_UP_AFTER, "alive": 20}
    assert Counter(one.report for one in results) == {NO_RESPONSE: 10, ERROR: 10}


def test_host_that_responds_now_and_then_is_not_given_up() -> None:
    clips = [clip("slow", number) for number in range(20)]
    results = check(clips, lambda clip: NO_RESPONSE if clip.pk % 3 else AUDIO)
    assert Counter(one.report for one in results) == {NO_RESPONSE: 13, AUDIO: 7}


def test_clip_that_still_fails_is_inspected_once() -> None:
    inspected: list[int] = []

    def inspect(clip: DueClip) -> SourceReport:
        inspected.append(clip.pk)
        return ERROR

    check([clip("a", 1, "failing"), clip("a", 2)], inspect)
    assert inspected == [1, 2, 2]


HOSTS = [f"host{number}" for number in range(SEVERAL_HOSTS)]
UNANSWERED = [CheckResult(clip(host), NO_RESPONSE) for host in HOSTS]


def test_no_result_is_plausible_if_no_host_responds() -> None:
    with pytest.raises(NoOriginRespondsError):
        list(plausible_results(UNANSWERED))


@pytest.mark.parametrize("last", [AUDIO, ERROR, None])
def test_missing_responses_are_plausible_once_another_host_responds(
    last: SourceReport | None,
) -> None:
    results = [*UNANSWERED, CheckResult(clip("other"), last)]
    assert list(plausible_results(results)) == results


def test_missing_responses_of_few_hosts_are_plausible() -> None:
    assert list(plausible_results(UNANSWERED[:-1])) == UNANSWERED[:-1]


def test_upload_does_not_count_as_a_response() -> None:
    upload = CheckResult(DueClip(1, "", "", "uploads/a.mp3", "ok", 1), AUDIO)
    with pytest.raises(NoOriginRespondsError):
        list(plausible_results([upload, *UNANSWERED]))


def test_missing_responses_of_failing_clips_are_plausible() -> None:
    failing = [CheckResult(clip(host, health="failing"), NO_RESPONSE) for host in HOSTS]
    assert list(plausible_results(failing)) == failing
