"""What an editor learns of audio before saving it: by its address, or by a file's beginning."""

from collections.abc import Callable
from functools import wraps
from threading import BoundedSemaphore

from django.contrib.auth.models import User
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from library.admin.clips.uploaded_file import told_size, why_refused
from library.audio.errors import AudioUnavailableError
from library.audio.id3 import read_id3_tags
from library.audio.sniff import EXTENSIONS, SNIFF_BYTES, audio_type
from library.sources.opening import SourceReport, audio_store, inspect_source
from library.streams.delivery import deliver
from library.validators import validate_audio_url

View = Callable[[HttpRequest], HttpResponseBase]

HEAD_MOST = 65_536  # bytes of a file that are looked at
CHECKS_AT_ONCE = 8  # of one process: each holds a thread for as long as its origin takes
LISTEN_SECONDS = 900  # for which an address that was checked can be heard
SALT = "library.admin.clips.audio_checks"

_places = BoundedSemaphore(CHECKS_AT_ONCE)


def _for_editors(view: View) -> View:
    """Let those in who may add clips or change them."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponseBase:
        user = request.user
        if not (user.has_perm("library.add_clip") or user.has_perm("library.change_clip")):
            raise PermissionDenied
        return view(request)

    return guarded


@require_POST
@_for_editors
def check_source(request: HttpRequest) -> HttpResponseBase:
    """POST `url`: what its origin serves now, and where an editor may hear it."""
    url = request.POST.get("url", "").strip()
    try:
        validate_audio_url(url)
    except ValidationError as error:
        return _refused(" ".join(error.messages))
    if not _places.acquire(blocking=False):
        return _refused("Too many addresses are being checked at this moment. Try again soon.")
    try:
        connection.close()  # an origin may take long
        report = inspect_source(url)
    finally:
        _places.release()
    if report.code is not None:
        return _refused(report.detail or "There is no audio that can be served.")
    return JsonResponse(_found(report) | {"listen": _listening_address(request, url)})


@require_POST
@_for_editors
def check_file(request: HttpRequest) -> HttpResponseBase:
    """POST `head`, the beginning of a file of `size` bytes: what it is, and what its tags say.

    The whole is not sent for it: that is judged when it is saved.
    """
    sent = request.FILES.get("head")
    head: bytes = sent.read(HEAD_MOST) if isinstance(sent, UploadedFile) else b""
    size = request.POST.get("size", "")
    length = int(size) if size.isascii() and size.isdigit() and len(size) < 16 else len(head)
    refusal = why_refused(head[:SNIFF_BYTES], length)
    if refusal:
        return _refused(refusal)
    tags = read_id3_tags(head)
    kind = _told_type(audio_type(head[:SNIFF_BYTES]))
    found = {"kind": kind, "size": told_size(length), "title": tags.title, "creator": tags.artist}
    return JsonResponse(found)


@require_GET
@_for_editors
def listen_to_source(request: HttpRequest) -> HttpResponseBase:
    """GET `source`, as `check_source` told it: the audio of an address that is not saved yet.

    Only what its editor has just checked: another's link makes nobody fetch anything. It comes by
    the store, as it will once it is saved.
    """
    user = request.user
    try:
        token = request.GET.get("source", "")
        signed_for, url = signing.loads(token, salt=SALT, max_age=LISTEN_SECONDS)
    except signing.BadSignature:
        return HttpResponse("Check the source once more.", status=403, content_type="text/plain")
    if not isinstance(user, User) or signed_for != user.pk:
        raise PermissionDenied
    connection.close()
    try:
        return deliver(request, audio_store().open(url), "source").response
    except AudioUnavailableError as error:
        return HttpResponse(error.detail, status=error.status, content_type="text/plain")


def _found(report: SourceReport) -> dict[str, object]:
    return {
        "kind": _told_type(report.content_type),
        "size": told_size(report.size_bytes) if report.size_bytes is not None else "",
        "duration": report.duration,
        "redirect": report.final_url if report.final_url != report.url else "",
    }


def _listening_address(request: HttpRequest, url: str) -> str:
    token = signing.dumps((request.user.pk, url), salt=SALT, compress=True)
    return f"{reverse('admin:library_clip_listen')}?source={token}"


def _told_type(content_type: str | None) -> str:
    return EXTENSIONS.get(content_type or "", "").upper()


def _refused(sentence: str) -> JsonResponse:
    return JsonResponse({"error": sentence})
