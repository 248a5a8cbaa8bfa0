"""The measurements that load the service and its peers with one kind of request after another."""

from collections.abc import Iterator

from benchmarks.speed.load import Request, Sample, Target, alternate
from benchmarks.speed.report import Comparison, Figure, Goal, at_least, at_most
from benchmarks.speed.services import Product
from benchmarks.speed.stage import Stage
from harness.client import new_session
from harness.installation import Installation

CLIPS = "/api/v1/clips"
STREAM = Request(f"{CLIPS}/CLIP/stream")
PART = Request(STREAM.path, fields=("Range: bytes=100000-199999",))
MANY = 100_000  # clips
GENERATE = f"from benchmarks.scale.generate import generate; generate({MANY}, 100)"

Results = Iterator[Comparison | Figure]


class Loads:
    """Each method measures a group; `rounds` of runs that take `seconds` each."""

    def __init__(self, stage: Stage, rounds: int, seconds: int) -> None:
        self._stage = stage
        self._rounds = rounds
        self._seconds = seconds

    def streams(self) -> Results:
        """Warm streams with their plays: of random clips, and of a single one; a later part."""
        hot = Request(f"{CLIPS}/{self._stage.targets['service'].clips[50]}/stream")
        medians = self._alternate("Streams", STREAM, hot=hot, part=PART)
        sync, asynchronous = medians["sync"], medians["async"]
        service, hot_clip = medians["service"], medians["hot"]
        stream = "warm stream of 480 kB, its play recorded"
        yield Comparison(stream, service, sync, asynchronous, at_least(8))
        behind = self._stage.targets["nginx"]
        nginx = self._alone("Streams through nginx", behind, stream=STREAM, part=PART)
        yield Comparison(
            "warm stream behind nginx, X-Accel", nginx["stream"], sync, goal=at_least(8)
        )
        yield Comparison("warm stream of one hot clip", hot_clip)
        yield Comparison("100 kB from further in, not a play", medians["part"])
        yield Comparison("100 kB behind nginx, X-Accel", nginx["part"])
        ratio = hot_clip.rate / service.rate
        yield Figure("one hot clip compared with 100", f"{ratio:.2f}", ratio, at_least(0.8))

    def lists(self) -> Results:
        """Lists of 6 and 100 clips, whole and unchanged."""
        for length, goal in ((6, 2), (100, 3)):
            path = f"{CLIPS}?limit={length}"
            with new_session() as session:
                etag = session.get(self._stage.product.url + path, timeout=20).headers["ETag"]
            unchanged = Request(path, fields=(f"If-None-Match: {etag}",))
            name = f"list of {length}"
            medians = self._alternate(name.capitalize(), Request(path), unchanged=unchanged)
            yield _comparison(name, medians, at_least(goal))
            unchanged_list = medians["unchanged"]
            work = f"{name}, unchanged: 304"
            yield Comparison(work, unchanged_list, medians["sync"], goal=at_least(6))

    def calls(self) -> Results:
        """A clip, its statistics, and a health check."""
        medians = self._alternate("A clip", Request(f"{CLIPS}/CLIP"))
        yield _comparison("one clip", medians, at_least(2))
        medians = self._alternate("Statistics", Request(f"{CLIPS}/CLIP/stats"))
        yield _comparison("statistics (the peers' are a counter)", medians, at_least(1))
        probe = self._alone("/livez", self._stage.targets["service"], livez=Request("/livez"))
        yield Comparison("/livez", probe["livez"])

    def posts(self) -> Results:
        """New clips."""
        medians = self._alternate("POST", Request(CLIPS, script="post_clip.lua"))
        yield _comparison("POST of a clip", medians, at_least(1.2))

    def scale(self) -> Results:
        """The list of 6 in a library of 100,000 clips: a second service with its own database."""
        few = self._stage.targets["service"]
        many = Installation(self._stage.folder, POSTGRES_DB="many")
        many.prepare()
        many.run_python(GENERATE)
        with Product(self._stage.folder, POSTGRES_DB="many") as product:
            large = Target(product.url, product.pid, few.database_pid)
            request = Request(f"{CLIPS}?limit=6")
            jobs = {"few": (few, request), "many": (large, request)}
            medians = alternate(jobs, self._rounds, self._seconds, f"{MANY:,} clips")
        slower = medians["few"].rate / medians["many"].rate
        yield Figure(
            f"list of 6 of {MANY:,} clips compared with a list of 6 of about 110",
            f"{medians['many'].rate:,.0f} a second, {slower:.2f} times slower",
            slower,
            at_most(1.3, " times"),
        )

    def _alternate(self, name: str, request: Request, **others: Request) -> dict[str, Sample]:
        """Send a request to the service and its peers, and others only to the service."""
        targets = self._stage.targets
        jobs = {each: (targets[each], request) for each in ("sync", "async", "service")}
        jobs |= {each: (targets["service"], other) for each, other in others.items()}
        return alternate(jobs, self._rounds, self._seconds, name)

    def _alone(self, name: str, target: Target, **requests: Request) -> dict[str, Sample]:
        jobs = {each: (target, request) for each, request in requests.items()}
        return alternate(jobs, self._rounds, self._seconds, name)


def _comparison(work: str, medians: dict[str, Sample], goal: Goal) -> Comparison:
    return Comparison(work, medians["service"], medians["sync"], medians["async"], goal)
