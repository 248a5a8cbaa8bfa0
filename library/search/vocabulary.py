"""The words of public clips' titles, tags and creators, to correct the words of a query.

Each process keeps the most frequent ones, which takes a few megabytes. In a large library it takes
a second or two to read them, so a thread does it, and not all the time while clips change.
"""

import logging
import time
from array import array
from bisect import bisect_left
from threading import Lock

from django.db import Error, connection

from library.background import start_in_background
from library.changes.version import Token, library_token
from library.database_errors import first_line
from library.models.clip import AVAILABLE

logger = logging.getLogger(__name__)

MOST_WORDS = 50_000
SMALL = 5_000  # clips of a library whose words the caller itself reads, in a few milliseconds
PATIENCE = 0.2  # seconds that callers wait for the first words, since the thread began
KEPT_FACTOR = 20  # times the duration of a renewal that passes before the next one
_WORDS = f"""
SELECT word, ndoc FROM ts_stat(
    $$SELECT search_vector FROM library_clip WHERE {AVAILABLE}$$, 'ab'
) WHERE word NOT LIKE '=%' AND length(word) > 2 ORDER BY ndoc DESC LIMIT {MOST_WORDS}
"""


class Words:
    """Folded words in alphabetical order, and how many clips have each."""

    def __init__(self, counts: dict[str, int], changes: int) -> None:
        self.words = tuple(sorted(counts))
        self.clips = array("L", (counts[word] for word in self.words))
        self.changes = changes  # of the library, which they were read after

    def has_beginning(self, beginning: str) -> bool:
        """Return whether a word starts with this."""
        place = bisect_left(self.words, beginning)
        return place < len(self.words) and self.words[place].startswith(beginning)


class Vocabulary:
    """The process's words, renewed on demand when the library has changed."""

    def __init__(self) -> None:
        self._lock = Lock()  # held during a renewal
        self._words: Words | None = None
        self._is_prepared = False
        self._began = self._due = 0.0

    def prepare(self) -> None:
        """Start to read the words of a large library at the first search of the process."""
        if not self._is_prepared:
            self._is_prepared = True
            if library_token().available > SMALL:
                self._renew_if_due()

    def current(self) -> Words | None:
        """Return the words, or older ones or None while a thread is reading them."""
        token = library_token()
        if self._has(token):
            return self._words
        if token.available <= SMALL:
            with self._lock:
                if not self._has(token):
                    self._renew()
            return self._words
        self._renew_if_due()
        if self._words is None and self._lock.acquire(
            timeout=max(0, self._began + PATIENCE - time.monotonic())
        ):
            self._lock.release()
        return self._words

    def is_current(self) -> bool:
        """Return whether the words are those of the library as it is now."""
        return self._has(library_token())

    def _has(self, token: Token) -> bool:
        return self._words is not None and self._words.changes == token.changes

    def _renew(self) -> None:
        began = time.monotonic()
        try:
            changes = library_token().changes  # before the words, which are at least as recent
            with connection.cursor() as cursor:
                cursor.execute(_WORDS)
                self._words = Words(dict(cursor.fetchall()), changes)
        except Error as error:
            logger.warning("The words of clips could not be read: %s", first_line(error))
        ended = time.monotonic()
        self._due = ended + KEPT_FACTOR * (ended - began)

    def _renew_if_due(self) -> None:
        if time.monotonic() >= self._due and self._lock.acquire(blocking=False):
            self._began = time.monotonic()
            start_in_background(self._renew, self._lock)


vocabulary = Vocabulary()
