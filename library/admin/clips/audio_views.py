"""Audio for editors: that of a clip, its waveform, and checks of a source before it is saved.

None of these views counts a play.
"""

from collections.abc import Callable, Iterable
from threading import BoundedSemaphore

from django.contrib.auth.models import User
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from library.admin.base import any_permission_required
from library.analyses.waveforms import (
    AnalysisPendingError,
    NotAnalysedError,
    peaks_of,
    read_waveform,
)
from library.audio.containers.reader import Reader
from library.audio.containers.results import Audio, type_name
from library.audio.containers.tags import skip_tags
from library.audio.errors import AudioUnavailableError
from library.audio.open_audio import OpenAudio
from library.audio.tagging.reading import read_tags
from library.audio_response import audio_response, stream_request, stream_rules
from library.models import Clip
from library.sound.waveform import points
from library.sources.opening import audio_store, inspect_source, open_audio
from library.sources.uploaded_file import format_size, type_or_refusal, why_too_large
from library.streams.answer import answer
from library.text import without_hidden
from library.validators import validate_audio_url

MAX_HEAD_BYTES = 65_536  # of a file that is checked
MAX_CHECKS = 8  # at once in a process: each holds a thread for as long as its origin takes
MAX_LINE = 200  # characters, as of a clip's title and creator
BARS = 180  # of a waveform
LISTEN_SECONDS = 900  # for which a checked URL can be played
SALT = "library.admin.clips.listen"

_check_slots = BoundedSemaphore(MAX_CHECKS)
for_readers = any_permission_required("library.view_clip", "library.change_clip")
_for_editors = any_permission_required("library.add_clip", "library.change_clip")


@for_readers
def clip_audio(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Return the clip's audio, whatever its state."""
    clip = get_object_or_404(Clip, pk=pk)
    return deliver(request, lambda: open_audio(clip), clip.title)


@require_GET
@for_readers
def clip_waveform(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the waveform of a clip in any state as the API does, or 404 if there is none."""
    row = read_waveform(pk)
    if row is None:
        raise Http404
    try:
        peaks = peaks_of(row)
    except (AnalysisPendingError, NotAnalysedError):
        return plain_text("There is no waveform.", 404)
    return JsonResponse(
        {"duration": peaks.duration, "data": points(peaks, BARS)},
        headers={"Cache-Control": "private, no-cache"},
    )


@require_POST
@_for_editors
def check_source(request: HttpRequest) -> HttpResponseBase:
    """POST `url`: return the audio its origin serves now, and a link to listen to it."""
    url = request.POST.get("url", "").strip()
    try:
        validate_audio_url(url)
    except ValidationError as error:
        return _refused(" ".join(error.messages))
    if not _check_slots.acquire(blocking=False):
        return _refused("Too many checks are running. Try again in a moment.")
    try:
        report = inspect_source(url)
    finally:
        _check_slots.release()
    if report.code is not None:
        return _refused(report.detail or "There is no audio at this address.")
    token = signing.dumps((request.user.pk, url), salt=SALT, compress=True)
    link = f"{reverse('admin:library_clip_listen')}?source={token}"
    return JsonResponse(
        {
            "kind": type_name(report.content_type),
            "size": format_size(report.size_bytes) if report.size_bytes is not None else "",
            "duration": report.duration,
            "warning": report.warning or "",
            "redirect": report.final_url if report.final_url != report.url else "",
            "listen": link,
        }
    )


@require_POST
@_for_editors
def check_file(request: HttpRequest) -> HttpResponseBase:
    """POST `head`, the beginning of a file of `size` bytes: return its type and tags.

    The page does not send the whole file; the form checks that when it is saved. Until then the
    type of an MP4 whose index is at its end is unknown.
    """
    sent = request.FILES.get("head")
    head: bytes = sent.read(MAX_HEAD_BYTES) if isinstance(sent, UploadedFile) else b""
    size = request.POST.get("size", "")
    length = int(size) if size.isascii() and size.isdigit() and len(size) < 16 else len(head)
    content_type, refusal = type_or_refusal(Reader(head, more=length > len(head)))
    refusal = why_too_large(length) or refusal
    if refusal:
        return _refused(refusal)
    tags = read_tags(head, Audio(content_type, skip_tags(Reader(head))))
    return JsonResponse(
        {
            "kind": type_name(content_type),
            "size": format_size(length),
            "title": _line(tags.get("title", ())),
            "creator": _line(tags.get("creator", ())),
        }
    )


@require_GET
@_for_editors
def listen_to_source(request: HttpRequest) -> HttpResponseBase:
    """GET `source`, a token from `check_source`: return the audio of a URL that is not saved yet.

    A token works only for the editor who checked the URL, so a shared link cannot make others
    fetch it. The audio comes through the store, as it will once the clip is saved.
    """
    user = request.user
    try:
        token = request.GET.get("source", "")
        signed_for, url = signing.loads(token, salt=SALT, max_age=LISTEN_SECONDS)
    except signing.BadSignature:
        return plain_text("This link has expired. Check the source again.", 403)
    if not isinstance(user, User) or signed_for != user.pk:
        raise PermissionDenied
    return deliver(request, lambda: audio_store().open(url), "source")


def deliver(request: HttpRequest, open_: Callable[[], OpenAudio], name: str) -> HttpResponseBase:
    """Return audio for an editor. `name` becomes that of a file."""
    try:
        audio = open_()
        reply = answer(stream_request(request), audio, name, stream_rules())
        response, _ = audio_response(reply, audio)
    except AudioUnavailableError as error:
        return plain_text(error.detail, error.status)
    return response


def _line(texts: Iterable[str]) -> str:
    """Return the first text of a tag in one line."""
    text = next(iter(texts), "")
    return " ".join(without_hidden(text).split())[:MAX_LINE]


def _refused(sentence: str) -> JsonResponse:
    return JsonResponse({"error": sentence})


def plain_text(sentence: str, status: int) -> HttpResponse:
    """Return a sentence, which the page's script shows."""
    return HttpResponse(sentence, status=status, content_type="text/plain")
