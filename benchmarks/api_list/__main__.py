"""Measure a page of the list among 100,000 clips: `python -m benchmarks.api_list [--write]`.

Requests pass through all of Django in this process, so that the times are those of Python and
PostgreSQL only. Alternatives are measured in turn, and the tables show medians. The exit status is
1 if a middle or last page takes more than 1.5 times as long as the first. With `--write` the tables
go to RESULTS.md. The benchmark creates a database on the embedded PostgreSQL and drops it.
"""

import statistics
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from functools import partial

from benchmarks import database
from benchmarks.results import today, write_section

database.configure()

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import QueryDict  # noqa: E402
from django.test import Client  # noqa: E402
from tqdm import tqdm, trange  # noqa: E402

from benchmarks.api_list.representations import REPRESENTATIONS  # noqa: E402
from benchmarks.api_list.table_layouts import (  # noqa: E402
    LAYOUTS,
    create_table,
    measure_updates,
)
from library.api import parameters  # noqa: E402
from library.api.filters import matching  # noqa: E402
from library.api.pagination import matching_count, statement_of  # noqa: E402
from library.api.sorting import Order, Place  # noqa: E402
from library.models.rows import read  # noqa: E402

FACTOR = 1.5
SECTION = """\
## The list

`python -m benchmarks.api_list`, {date}, {clips:,} clips, all of one duration, nine of ten of one
`play_count`. Pages of 100; medians of requests made in turn, in one process and on its own
PostgreSQL. A list of several pages counts the matching clips, for `X-Total-Count`.

{pages}

Ordered by plays or by rank, PostgreSQL sorts all matching clips: an index on `play_count` would
make each play's update rewrite every index. All other lists use an index.

{shown}

PostgreSQL's part of a play, the best of several turns, without waiting for the disk. PostgreSQL
reads a table's check constraints and generated columns again for each statement.

{plays}"""
CLIPS_PATH = "/api/v1/clips"
# All clips have one duration, and nine in ten one play_count: ties are the worst case of paging.
FILL = """
    INSERT INTO library_clip (title, description, genre, duration, audio_url, audio_file, tags,
        creator, licence, health, state, play_count, created_at, updated_at)
    SELECT (ARRAY['Ambient', 'Rain', 'Jazz', 'Night', 'Drone'])[1 + n %% 5] || ' ' || n %% 5000,
        'Recorded at dawn with two microphones and little wind, take ' || n,
        (ARRAY['ambient', 'nature', 'jazz', 'house', 'folk', 'choral', 'dub', 'noise'])[1 + n %% 8],
        30, 'https://example.com/' || n || '.mp3', '', ARRAY['field', 'tag ' || n %% 100], 'Ann',
        'CC-BY-4.0', 'ok', 'published', CASE WHEN n %% 10 = 0 THEN n ELSE 0 END,
        now() - n * interval '1 minute', now()
    FROM generate_series(1, %s) AS n
"""
CASES = {
    "by id": "",
    "newest first": "ordering=-created_at",
    "by title": "ordering=title",
    "by duration, all equal": "ordering=duration",
    "most played first": "ordering=-play_count",
    "a genre, 1 of 8": "genre=jazz",
    "a tag, 1 of 100": "tag=tag+7",
    "search, 1 of 5 match": "search=ambi",
    "search, all match": "search=dawn",
    "search, 1 of 5,000 match": "search=rain+1001",
    "1,000 a page": "limit=1000",
}


def fill(clips: int) -> None:
    """Create the tables and the clips."""
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(FILL, [clips])
        cursor.execute("VACUUM (ANALYZE) library_clip")


def pages(query_string: str) -> tuple[int, dict[str, str]]:
    """Return the number of matching clips, and the paths of the first, middle and last page."""
    query = parameters.read(QueryDict(query_string), parameters.LIST)
    limit = query.get("limit", parameters.DEFAULT_LIMIT)
    order, conditions = Order.of(query), matching(query)
    count = matching_count(conditions)
    paths = dict.fromkeys(("first", "middle", "last"), f"{CLIPS_PATH}?{query_string}")
    for page, beyond in (("middle", count // 2), ("last", count - limit - 1)):
        if count > limit:
            statement, values = statement_of(conditions, order, None, ["id"], beyond + 1)
            clip = read(statement, values)[-1]
            cursor = Place(back=False, value=clip["sorted_by"], id=clip["id"]).cursor(order)
            paths[page] += f"&cursor={cursor}"
    return count, paths


def medians(
    subjects: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Return the median milliseconds of each function, called in turn after a warm-up."""
    took: dict[str, list[float]] = {name: [] for name in subjects}
    for turn in range(rounds + 1):
        for name, subject in subjects.items():
            began = clock()
            subject()
            if turn:
                took[name].append((clock() - began) * 1000)
    return {name: statistics.median(values) for name, values in took.items()}


def page_table(rounds: int) -> tuple[list[str], float]:
    """Return the rows about pages, and the worst ratio of a later page to the first."""
    client = Client()

    def get(path: str) -> None:
        response = client.get(path)
        assert response.status_code == 200, response.content

    worst = 0.0
    lines = [
        "| list | clips | first page, ms | middle | last | last to first | of each, counting |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, query in tqdm(CASES.items(), "Pages", unit="list"):
        count, paths = pages(query)
        matched = matching(parameters.read(QueryDict(query), parameters.LIST))
        subjects: dict[str, Callable[[], object]] = {
            page: partial(get, path) for page, path in paths.items()
        }
        subjects["counting"] = partial(matching_count, matched)
        took = medians(subjects, rounds, time.perf_counter)
        worst = max(worst, took["middle"] / took["first"], took["last"] / took["first"])
        cells = [f"{took[page]:.1f}" for page in paths] + [f"{took['last'] / took['first']:.2f}"]
        cells.append(f"{took['counting']:.1f}" if "cursor" in paths["last"] else "none")
        lines.append(f"| {name} | {count:,} | {' | '.join(cells)} |")
    return lines, worst


def representation_table(rounds: int) -> list[str]:
    """Return the rows about three representations of 100 clips, from the query to the bytes."""
    took = medians(REPRESENTATIONS, rounds, time.process_time)
    slowest = max(took.values())
    lines = ["| 100 clips as JSON | CPU, ms | of the slowest |", "|---|---|---|"]
    return lines + [f"| {name} | {cpu:.2f} | {cpu / slowest:.0%} |" for name, cpu in took.items()]


def play_table(turns: int) -> list[str]:
    """Return the rows about a play's update in tables with and without the parts for lists."""
    for name, layout in LAYOUTS.items():
        create_table(name, layout)
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in LAYOUTS}
    for _ in trange(turns, desc="Plays", unit="turn"):
        for name, measured in took.items():
            measured.append(measure_updates(name))
    lines = ["| a play's update of `play_count` | a second | HOT |", "|---|---|---|"]
    for name, measured in took.items():
        rate, hot = map(max, zip(*measured, strict=True))
        lines.append(f"| {name} | {rate:,.0f} | {hot:.1%} |")
    return lines


def main() -> int:
    """Measure, and print the section."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--write", action="store_true", help="write the tables to RESULTS.md")
    options = parser.parse_args()
    try:
        fill(options.clips)
        costs, worst = page_table(options.rounds)
        shown = representation_table(options.rounds * 3)
        text = SECTION.format(
            date=today(),
            clips=options.clips,
            pages="\n".join(costs),
            shown="\n".join(shown),
            plays="\n".join(play_table(40)),
        )
    finally:
        database.drop()
    print(text)
    if options.write:
        write_section("api-list", text)
    return int(worst > FACTOR)


if __name__ == "__main__":
    sys.exit(main())
