"""Adding, changing and deleting clips."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.settings import api_settings
from rest_framework.viewsets import GenericViewSet

from library import history
from library.analyses import duplicates
from library.api.authentication import CountedRequests
from library.api.early_look import awaits_body
from library.api.errors import Gone, InvalidClips, LengthRequired, PreconditionFailed
from library.api.etags import may_change, represented, tagged, version
from library.api.idempotency import answer_once
from library.api.json_bodies import BULK_MAX, JSONRenderer
from library.models import Clip, Part, State
from library.renditions.excerpt import FIELDS as PREVIEW_FIELDS
from library.tasks.new_sources import note_first_sources, note_other_sources
from library.tasks.renditions import renew


def first_state() -> State:
    """Return the state of a clip that is added."""
    return State.DRAFT if settings.CLIPS_API_MODERATE else State.PUBLISHED


def _note_sources(clips: list[Clip]) -> None:
    """Store the clips that have the URLs of new ones, and note them on each for the response."""
    found = note_first_sources(clips)
    for clip in clips:
        clip.same_urls = found.get(clip.pk, [])  # type: ignore[attr-defined]


class ClipWrites(CountedRequests, GenericViewSet[Clip]):
    """Views that add, change and delete clips; a base of the clips' viewset."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        in_chunks = "Transfer-Encoding" in request.headers
        if in_chunks and "Content-Length" not in request.headers and not awaits_body(request.META):
            raise LengthRequired

    def create(self, request: Request) -> HttpResponseBase:
        def show(clips: list[Clip]) -> HttpResponse:
            return self._shown(request, clips[0], 201)

        return answer_once(request, lambda: [self._create(request)], show)

    def _duplicates(self, request: Request, clips: list[Clip]) -> list[list[dict[str, Any]]]:
        """Return the duplicates of clips that were added, for the response.

        A repeated request shows what is known by now. Only editors learn of clips that the public
        cannot see, or at all if the URLs of clips are not public: others could find those by trial.
        """
        if hasattr(clips[0], "same_urls"):
            found = {clip.pk: clip.same_urls for clip in clips}  # type: ignore[attr-defined]
        else:
            found = duplicates.of_clips([clip.pk for clip in clips])
        is_editor = request.user is not None
        if not is_editor and settings.CLIPS_PUBLISH == Part.PREVIEW:
            return [[] for _ in clips]
        return [
            [other.shown() for other in found.get(clip.pk, ()) if is_editor or other.public]
            for clip in clips
        ]

    def _create(self, request: Request) -> Clip:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        clip: Clip = serializer.save(state=first_state())
        history.note_additions(request.user, [clip])
        _note_sources([clip])
        return clip

    @action(detail=False, methods=["post"], pagination_class=None)
    def bulk(self, request: Request) -> HttpResponseBase:
        def show(clips: list[Clip]) -> HttpResponse:
            data = self.get_serializer(clips, many=True).data
            for each, others in zip(data, self._duplicates(request, clips), strict=True):
                each["duplicates"] = others
            response = tagged(request, represented(data), 201)
            del response["ETag"]  # each clip has its own
            return response

        return answer_once(request, lambda: self._bulk(request), show)

    def _bulk(self, request: Request) -> list[Clip]:
        serializer = self.get_serializer(
            data=request.data, many=True, allow_empty=False, max_length=BULK_MAX
        )
        if not serializer.is_valid():
            errors: Any = serializer.errors
            if api_settings.NON_FIELD_ERRORS_KEY in errors:  # of the list itself
                raise ValidationError(errors)
            raise InvalidClips(errors)
        state = first_state()
        made = Clip.objects.bulk_create(
            [Clip(**fields, state=state) for fields in serializer.validated_data]
        )
        history.note_additions(request.user, made)
        _note_sources(made)
        return made

    def partial_update(self, request: Request, pk: str) -> HttpResponseBase:
        data = request.data  # read before the lock: a client may send it slowly
        with transaction.atomic():
            clip = self._locked(request, pk)
            before = history.values_of(clip)
            serializer = self.get_serializer(clip, data=data, partial=True)
            serializer.is_valid(raise_exception=True)
            values = serializer.validated_data
            # Without a change, the version that other editors have read stays current.
            if any(getattr(clip, name) != value for name, value in values.items()):
                is_moved = values.get("audio_url", clip.audio_url) != clip.audio_url
                if is_moved:
                    clip.forget_audio()
                serializer.save()
                if not values.keys().isdisjoint(PREVIEW_FIELDS):
                    renew([clip.pk])
                history.note_changes(request.user, [(before, clip)])
                if is_moved:
                    note_other_sources([clip])
        return self._shown(request, clip)

    def destroy(self, request: Request, pk: str) -> Response:
        with transaction.atomic():
            clip = self._locked(request, pk)
            Clip.objects.filter(pk=clip.pk).mark_deleted()
            history.note_deletions(request.user, [clip])
        return Response(status=204)

    def _shown(
        self, request: Request, clip: Clip, status: int = 200, more: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the response with the clip, as a GET would show it, and its ETag.

        `more` is what the response to an upload has besides the clip.
        """
        data = self.get_serializer(clip).data
        shown = represented(data, version(clip.pk, clip.updated_at))
        if status != 201 and more is None:
            return tagged(request, shown, status)
        # The tag is that of the clip, which has no duplicates (RFC 9110, section 15.3.2).
        (others,) = self._duplicates(request, [clip])
        added = JSONRenderer().render({"duplicates": others, **(more or {})})
        body = shown.body.removesuffix(b"}") + b"," + added.removeprefix(b"{")
        path = reverse("clip-detail", args=[clip.pk])
        headers = {"Location" if status == 201 else "Content-Location": path}
        return tagged(request, shown._replace(body=body), status, headers)

    def _locked(self, request: Request, pk: str) -> Clip:
        """Return the clip, locked until the transaction ends. Raises as `check_change` does.

        Without the lock, two editors who read the same version could both change it. NO KEY,
        because inserting a play event references the row and must not wait.
        """
        clip = get_object_or_404(Clip.objects.select_for_update(no_key=True), pk=pk)
        check_change(request, clip)
        return clip


def check_change(request: Request, clip: Clip) -> None:
    """Raise Gone or PreconditionFailed if the request may not change the clip."""
    if clip.deleted_at is not None:
        raise Gone
    if not may_change(request, clip):
        raise PreconditionFailed
