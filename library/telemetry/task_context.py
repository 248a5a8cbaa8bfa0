"""The task that this process is executing, for the lines that it logs."""

from contextvars import ContextVar
from typing import NamedTuple


class TaskContext(NamedTuple):
    """A task's name, and the id of its job."""

    task: str
    task_id: int


current: ContextVar[TaskContext | None] = ContextVar("task", default=None)
