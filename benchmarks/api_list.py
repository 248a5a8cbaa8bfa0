"""What a page of the list costs among 100,000 clips: `python -m benchmarks.api_list [--write]`.

Makes a database of its own on the embedded PostgreSQL and drops it again. Requests go through all
of Django in this process, so that wall time is Python's and PostgreSQL's alone; what is compared is
asked in turns, and medians are told. Exit status 1 if a middle or last page costs more than
1.5 times what the first one costs. With `--write` the tables go to RESULTS.md.
"""

import os
import statistics
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

DATABASE = f"clips_benchmark_{os.getpid()}"
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "clips_site.settings",
    "DJANGO_ALLOWED_HOSTS": "testserver",
    "POSTGRES_DB": DATABASE,
    "POSTGRES_SERVER": "",
}

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import QueryDict  # noqa: E402
from django.test import Client  # noqa: E402
from psycopg import connect  # noqa: E402
from psycopg.sql import SQL, Identifier  # noqa: E402
from tqdm import tqdm, trange  # noqa: E402

from benchmarks import list_peers  # noqa: E402
from benchmarks.results import write_section  # noqa: E402
from library.api import parameters  # noqa: E402
from library.api.filters import matching  # noqa: E402
from library.api.sorting import Order, Place  # noqa: E402
from library.models import Clip  # noqa: E402

FACTOR = 1.5
CLIPS_PATH = "/api/v1/clips"
# All clips share one duration, nine of ten one play_count: ties are the worst case of paging.
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
    """Make the tables and the clips."""
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(FILL, [clips])
        cursor.execute("VACUUM (ANALYZE) library_clip")


def pages(query_string: str) -> tuple[int, dict[str, str]]:
    """How many clips fit, and the paths of the first, the middle and the last full page."""
    query = parameters.read(QueryDict(query_string), parameters.LIST)
    limit = query.get("limit", parameters.DEFAULT_LIMIT)
    order = Order.of(query)
    clips = matching(Clip.objects.all(), query)
    count = clips.count()
    paths = dict.fromkeys(("first", "middle", "last"), f"{CLIPS_PATH}?{query_string}")
    for page, beyond in (("middle", count // 2), ("last", count - limit - 1)):
        if count > limit:
            clip: Any = order.sort(clips, None)[beyond]
            cursor = Place(back=False, value=clip.sorted_by, id=clip.id).cursor(order)
            paths[page] += f"&cursor={cursor}"
    return count, paths


def medians(
    subjects: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Milliseconds of each, asked in turns after one turn to warm up."""
    took: dict[str, list[float]] = {name: [] for name in subjects}
    for turn in range(rounds + 1):
        for name, subject in subjects.items():
            began = clock()
            subject()
            if turn:
                took[name].append((clock() - began) * 1000)
    return {name: statistics.median(values) for name, values in took.items()}


def page_table(rounds: int) -> tuple[list[str], float]:
    """The pages' costs, and the worst ratio of a later one to the first."""
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
        fitting = matching(Clip.objects.all(), parameters.read(QueryDict(query), parameters.LIST))
        subjects: dict[str, Callable[[], object]] = {
            page: partial(get, path) for page, path in paths.items()
        }
        took = medians(subjects | {"counting": fitting.count}, rounds, time.perf_counter)
        worst = max(worst, took["middle"] / took["first"], took["last"] / took["first"])
        cells = [f"{took[page]:.1f}" for page in paths] + [f"{took['last'] / took['first']:.2f}"]
        cells.append(f"{took['counting']:.1f}" if "cursor" in paths["last"] else "none")
        lines.append(f"| {name} | {count:,} | {' | '.join(cells)} |")
    return lines, worst


def representation_table(rounds: int) -> list[str]:
    """What a hundred clips cost this process from the query to the bytes, three ways."""
    took = medians(list_peers.WAYS, rounds, time.process_time)
    slowest = max(took.values())
    lines = ["| 100 clips as JSON | CPU, ms | of the slowest |", "|---|---|---|"]
    return lines + [f"| {name} | {cpu:.2f} | {cpu / slowest:.0%} |" for name, cpu in took.items()]


def play_table(turns: int) -> list[str]:
    """What a play's update costs with and without what is kept for lists; layouts in turns."""
    for name, layout in list_peers.LAYOUTS.items():
        list_peers.lay_out(name, layout)
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in list_peers.LAYOUTS}
    for _ in trange(turns, desc="Plays", unit="turn"):
        for name, measured in took.items():
            measured.append(list_peers.plays(name))
    lines = ["| a play's update of `play_count` | a second | HOT |", "|---|---|---|"]
    for name, measured in took.items():
        rate, hot = map(max, zip(*measured, strict=True))
        lines.append(f"| {name} | {rate:,.0f} | {hot:.1%} |")
    return lines


def main() -> int:
    """Measure, tell, drop the database."""
    options = ArgumentParser(description=__doc__)
    options.add_argument("--clips", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=30)
    options.add_argument("--write", action="store_true", help="write the tables to RESULTS.md")
    asked = options.parse_args()
    try:
        fill(asked.clips)
        costs, worst = page_table(asked.rounds)
        shown = representation_table(asked.rounds * 3)
        text = list_peers.SECTION.format(
            date=datetime.now(UTC).date(),
            clips=asked.clips,
            pages="\n".join(costs),
            shown="\n".join(shown),
            plays="\n".join(play_table(40)),
        )
    finally:
        drop()
    print(text)
    if asked.write:
        write_section("api-list", text)
    return int(worst > FACTOR)


def drop() -> None:
    """Drop the benchmark's database."""
    place: dict[str, Any] = connection.get_connection_params()
    connection.close()
    with connect(
        host=place["host"], user=place["user"], dbname="postgres", autocommit=True
    ) as postgres:
        postgres.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(DATABASE)))


if __name__ == "__main__":
    sys.exit(main())
