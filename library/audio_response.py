"""Django responses with audio: the adapter of `library.streams` for any WSGI server.

The server sends a complete file by sendfile, through `wsgi.file_wrapper`. A file that is still
being downloaded is followed as it grows.
"""

from functools import cache

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from library.audio.errors import AudioUnavailableError
from library.audio.open_audio import OpenAudio
from library.streams.answer import Answer, StreamRequest, StreamRules, is_download
from library.streams.body import Body, FileBody, FollowedBody


@cache
def stream_rules() -> StreamRules:
    """Return the process's rules for streams, configured by the settings."""
    folders = (
        ("store", settings.AUDIO_STORE_DIR),
        ("media", settings.MEDIA_ROOT),
        ("samples", settings.SAMPLES_DIR),
    )
    location = settings.CLIPS_ACCEL_LOCATION.rstrip("/")
    accel_locations = tuple((f"{folder}/", f"{location}/{name}/") for name, folder in folders)
    return StreamRules(
        settings.CLIPS_STREAM_CACHE_CONTROL,
        accel_locations if settings.CLIPS_ACCEL_LOCATION else (),
    )


def stream_request(request: HttpRequest) -> StreamRequest:
    """Return the part of a Django request that streams depend on."""
    download = is_download(request.GET.get("download"))
    return StreamRequest(request.method or "", request.headers.get, download)


def audio_response(answer: Answer, audio: OpenAudio) -> tuple[HttpResponseBase, Body | None]:
    """Return the response, and its body if this service sends audio.

    Closing the response closes the audio's file. Raises AudioUnavailableError, with the file
    closed, if the download fails before the first byte of the part.
    """
    response: HttpResponseBase
    if answer.part is None or answer.handed_over:
        audio.file.close()
        response = HttpResponse(answer.body, status=answer.status, headers=answer.headers)
        if answer.status == 304:
            del response.headers["Content-Type"]  # Django's default
        return response, None
    content_type = answer.headers["Content-Type"]
    body: Body
    if audio.whole:
        body = file = FileBody(audio, answer.part)
        response = FileResponse(file, status=answer.status, content_type=content_type)
    else:
        body = followed = FollowedBody(audio, answer.part)
        try:
            followed.await_start()
        except AudioUnavailableError:
            followed.close()
            raise
        response = StreamingHttpResponse(followed, status=answer.status, content_type=content_type)
    for name, value in answer.headers.items():
        response.headers[name] = value
    return response, body
