"""A mirror of the library in a SQLite file: python mirror.py BASE_URL FILE [--once].

It follows the feed of changes. Each page is stored together with its cursor in one transaction, so
the mirror can be killed at any moment and continues where it was.
"""

import argparse
import json
import sqlite3
from typing import Any

import requests

# Plays are not changes, so a mirror does not follow them.
LEFT_OUT = "play_count"
SCHEMA = """
CREATE TABLE IF NOT EXISTS clip (id INTEGER PRIMARY KEY, json TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS place (is_only INTEGER PRIMARY KEY CHECK (is_only = 1), cursor TEXT);
"""


class Mirror:
    """A copy of all public clips."""

    def __init__(self, base_url: str, file: str) -> None:
        self.url = f"{base_url}/api/v1/changes"
        self.store = sqlite3.connect(file)
        self.store.executescript(SCHEMA)
        self.http = requests.Session()

    def follow(self, wait: int) -> int:
        """Apply the next page of changes, and return how many there were."""
        row = self.store.execute("SELECT cursor FROM place").fetchone()
        query: dict[str, Any] = {"limit": 50, "wait": wait, **({"cursor": row[0]} if row else {})}
        response = self.http.get(self.url, params=query, timeout=wait + 30)
        if response.status_code == 410:
            with self.store:
                self.store.execute("DELETE FROM clip")
                self.store.execute("DELETE FROM place")
            return 1
        response.raise_for_status()
        page = response.json()
        with self.store:
            for change in page["changes"]:
                self.apply(change)
            self.store.execute("INSERT OR REPLACE INTO place VALUES (1, ?)", [page["cursor"]])
        return len(page["changes"])

    def apply(self, change: dict[str, Any]) -> None:
        """Store the clip, or remove it if it is not public."""
        clip = change["clip"]
        if clip is None:
            self.store.execute("DELETE FROM clip WHERE id = ?", [change["id"]])
        else:
            del clip[LEFT_OUT]
            values = [clip["id"], json.dumps(clip, sort_keys=True)]
            self.store.execute("INSERT OR REPLACE INTO clip VALUES (?, ?)", values)

    def clips(self) -> list[dict[str, Any]]:
        """Return the clips by id."""
        rows = self.store.execute("SELECT json FROM clip ORDER BY id")
        return [json.loads(text) for (text,) in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("file")
    parser.add_argument("--once", action="store_true", help="stop at the end of the feed")
    options = parser.parse_args()
    mirror = Mirror(options.base_url, options.file)
    while mirror.follow(wait=0 if options.once else 5) or not options.once:
        pass


if __name__ == "__main__":
    main()
