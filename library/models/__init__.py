"""The tables: clips, plays and their tallies, tasks, tokens, imports, and the state of requests."""

from library.models.clip import MAX_DURATION as MAX_DURATION
from library.models.clip import REASON_LENGTH as REASON_LENGTH
from library.models.clip import Clip as Clip
from library.models.clip import ClipQuerySet as ClipQuerySet
from library.models.clip import Health as Health
from library.models.clip import State as State
from library.models.clip import upload_path as upload_path
from library.models.pending_import import PendingImport as PendingImport
from library.models.play import HOST_LENGTH as HOST_LENGTH
from library.models.play import AudienceTally as AudienceTally
from library.models.play import Client as Client
from library.models.play import CompletionTally as CompletionTally
from library.models.play import Kind as Kind
from library.models.play import LibraryTally as LibraryTally
from library.models.play import ListenerKey as ListenerKey
from library.models.play import PlayEvent as PlayEvent
from library.models.play import PlayTally as PlayTally
from library.models.presence import Presence as Presence
from library.models.request_state import IdempotentAnswer as IdempotentAnswer
from library.models.request_state import RequestCount as RequestCount
from library.models.task import Task as Task
from library.models.task import TaskError as TaskError
from library.models.token import ApiToken as ApiToken
