"""Adding clips with their audio, and replacing the audio of a clip.

Only editors upload. A file is judged as in the form of the back office, and before any transaction
begins: no lock waits for it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import Error, transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request

from library import history
from library.api.early_look import awaits_body, go_on, is_form
from library.api.idempotency import answer_once, key_of
from library.api.judged_uploads import Judged, checked, judge, of_duration
from library.api.protocol_errors import BodyNotStored
from library.api.received_files import ReceivedFile, check_head, received_body
from library.api.received_forms import Form, raise_errors, received_form
from library.api.upload_errors import NotAudio
from library.api.writes import ClipWrites, check_change, first_state
from library.audio.containers.results import Refusal
from library.models import Clip
from library.renditions.excerpt import Choice, mistakes
from library.sources import uploads
from library.tasks.new_sources import note_first_sources, note_other_sources


class ClipUploads(ClipWrites):
    """Views that receive audio; a base of the clips' viewset."""

    def create(self, request: Request) -> HttpResponseBase:
        if not is_form(request.META):
            return super().create(request)
        check_head(request)
        if awaits_body(request.META):
            return go_on()
        with received_form(request) as form:
            return self._add(request, form)

    def _add(self, request: Request, form: Form) -> HttpResponse:
        judged, values = checked(form)

        def show(clips: list[Clip]) -> HttpResponse:
            return self._shown(request, clips[0], 201, judged.more())

        with _stored(judged) as store:

            def add() -> list[Clip]:
                with transaction.atomic():
                    clip = Clip(**values, state=first_state(), audio_file=store())
                    _describe(clip, judged)
                    clip.save()
                    history.note_additions(request.user, [clip])
                    note_first_sources([clip], judged.received.sha256)
                return [clip]

            return answer_once(request, add, show, form.identity)

    @action(detail=True, methods=["put"], url_path="audio", url_name="audio")
    def replace_audio(self, request: Request, pk: str) -> HttpResponseBase:
        check_head(request)
        self._look_at_clip(request, pk)
        if awaits_body(request.META):
            return go_on()
        with received_body(request) as received:
            return self._replace(request, pk, received)

    def _look_at_clip(self, request: Request, pk: str) -> None:
        """Raise the error that `_locked` will, unless this may repeat an earlier request."""
        if key_of(request) is None:
            check_change(request, get_object_or_404(Clip, pk=pk))

    def _replace(self, request: Request, pk: str, received: ReceivedFile) -> HttpResponse:
        judged = judge(received)
        if isinstance(judged, Refusal):
            raise NotAudio(judged.sentence)
        raise_errors(of_duration(judged.seconds))

        def show(clips: list[Clip]) -> HttpResponse:
            return self._shown(request, clips[0], 200, judged.more())

        with _stored(judged) as store:

            def change() -> list[Clip]:
                with transaction.atomic():
                    return [self._changed(request, self._locked(request, pk), judged, store)]

            return answer_once(request, change, show, received.sha256)

    def _changed(
        self, request: Request, clip: Clip, judged: Judged, store: Callable[[], str]
    ) -> Clip:
        before = history.values_of(clip)
        replaced = str(clip.audio_file.name or "")
        if judged.seconds is None:
            judged.warnings.append(KEPT_DURATION)
        clip.duration = judged.seconds or clip.duration
        found = mistakes(Choice.of(clip), judged.seconds)
        raise_errors({name: [ErrorDetail(text, "invalid")] for name, text in found.items()})
        clip.forget_audio()
        clip.audio_url, clip.audio_file = "", store()
        _describe(clip, judged)
        clip.save()
        history.note_changes(request.user, [(before, clip)])
        note_other_sources([clip], judged.received.sha256)
        uploads.delete_replaced(replaced)
        return clip


KEPT_DURATION = (
    "The duration of this file could not be measured, so the clip keeps the one that it had."
)


def _describe(clip: Clip, judged: Judged) -> None:
    clip.content_type, clip.size_bytes = judged.audio.content_type, judged.received.size


@contextmanager
def _stored(judged: Judged) -> Iterator[Callable[[], str]]:
    """Yield what stores the file and returns its name. If the block fails, no file remains."""
    names: list[str] = []

    def store() -> str:
        received = judged.received
        received.file.seek(0)
        try:
            names.append(uploads.store(received.file, received.name, judged.default_name))
        except OSError:
            raise BodyNotStored from None
        return names[-1]

    try:
        yield store
    except BaseException:
        for name in names:
            # Without a database, nothing shows whether the clip was committed: the file is pruned
            # later if it was not.
            try:
                uploads.delete_if_unused(name)
            except Error:
                break
        raise
