"""How much of a worker's memory and disk the bodies of requests may hold at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from clips_site.middleware import LARGEST_BODY
from library.api.protocol_errors import NoRoomForBody

IN_MEMORY = 65_536  # bytes of a request body; a larger one goes to a temporary file
MEMORY = 64_000_000  # bytes of all bodies of a worker
DISK = max(500_000_000, 4 * LARGEST_BODY)


class Sender(Protocol):
    """A connection that sends a body."""

    def give_way_to_body(self) -> None:
        """Receive no more, because another body needs the room."""


class Budget:
    """The room for bodies, from their first byte until Django has responded.

    If it does not suffice, the body that has been awaited longest gives way. One that is complete
    does not; if there is no other, the new one is refused.
    """

    def __init__(self, memory: int = MEMORY, disk: int = DISK) -> None:
        self._most = {"memory": memory, "disk": disk}
        self.held = {"memory": 0, "disk": 0}
        self._awaited: dict[Claim, None] = {}

    @contextmanager
    def claim(self, sender: Sender) -> Iterator["Claim"]:
        """Hold room for a body until the block ends."""
        claim = Claim(self, sender)
        self._awaited[claim] = None
        try:
            yield claim
        finally:
            self._release(claim)

    def add(self, claim: "Claim", place: str, size: int) -> None:
        """Add bytes to a claim. Raises NoRoomForBody."""
        claim.held[place] += size
        self.held[place] += size
        while self.held[place] > self._most[place]:
            others = (each for each in self._awaited if each.held[place] and each is not claim)
            other = next(others, None)
            if other is None:
                raise NoRoomForBody
            self._release(other)
            other.sender.give_way_to_body()

    def end_wait(self, claim: "Claim") -> None:
        """Let a body give way no more, because it is complete."""
        self._awaited.pop(claim, None)

    def _release(self, claim: "Claim") -> None:
        self.end_wait(claim)
        for place, size in claim.held.items():
            self.held[place] -= size
            claim.held[place] = 0


class Claim:
    """The room that one body holds."""

    def __init__(self, budget: Budget, sender: Sender) -> None:
        self._budget, self.sender = budget, sender
        self.held = {"memory": 0, "disk": 0}

    def add_memory(self, size: int) -> None:
        """Hold more memory. Raises NoRoomForBody."""
        self._budget.add(self, "memory", size)

    def add_disk(self, size: int) -> None:
        """Hold more of the disk. Raises NoRoomForBody."""
        self._budget.add(self, "disk", size)

    def end_wait(self) -> None:
        """Give way no more, because the body is complete."""
        self._budget.end_wait(self)


budget = Budget()  # of this worker
