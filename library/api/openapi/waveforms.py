"""Operations that return waveforms."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework import serializers
from rest_framework.exceptions import NotAcceptable

from library.api import parameters
from library.api.errors import AnalysisPending, NotAnalysed
from library.api.openapi.errors import READING, SHOWING, error_responses, invalid_query
from library.api.openapi.examples import AUDIOWAVEFORM, WAVEFORM
from library.api.openapi.parameters import (
    CLIP_ID,
    IF_NONE_MATCH,
    READERS,
    limits,
    query_parameters,
    response_header,
)
from library.sound.failures import REASONS

NEGOTIATING_NOTHING = tuple(make for make in READING if make is not NotAcceptable)
Numbers = dict[str, Any]
F = TypeVar("F", bound=Callable[..., Any])


class WaveformAnswer(serializers.Serializer[Numbers]):
    """A waveform with parts of equal length."""

    points = serializers.IntegerField(help_text="Number of parts.")
    duration = serializers.FloatField(help_text="Seconds of audio that all parts cover together.")
    sample_rate = serializers.IntegerField(help_text="Of the audio, in Hz.")
    channels = serializers.IntegerField(help_text="Of the audio. A part covers all of them.")
    audio_etag = serializers.CharField(help_text="ETag of the audio that the waveform belongs to.")
    data = serializers.ListField(  # type: ignore[assignment]  # DRF takes it off the class
        child=serializers.IntegerField(min_value=-32_768, max_value=32_767),
        help_text="The lowest and the highest sample of each part, in turn, as integers of 16 bits:"
        " 32768 is full scale. Divide by it for values from -1 to 1.",
    )


class AudiowaveformAnswer(serializers.Serializer[Numbers]):
    """Waveform data of BBC audiowaveform, JSON version 2."""

    version = serializers.IntegerField()
    channels = serializers.IntegerField(help_text="Of the data: 1, which covers all of the audio.")
    sample_rate = serializers.IntegerField()
    samples_per_pixel = serializers.IntegerField()
    bits = serializers.IntegerField(help_text="Of each value: 8, because peaks.js reads no others.")
    length = serializers.IntegerField(help_text="Number of pairs in `data`.")
    data = serializers.ListField(  # type: ignore[assignment]
        child=serializers.IntegerField(min_value=-128, max_value=127),
        help_text="The lowest and the highest sample of each pixel, in turn.",
    )


_EXAMPLES = [
    OpenApiExample(name, value, response_only=True, status_codes=["200"])
    for name, value in (("Points", WAVEFORM), ("For peaks.js", AUDIOWAVEFORM))
]
_HEADERS = [
    IF_NONE_MATCH,
    response_header("ETag", "Strong; changes with the audio, not with plays.", [200, 304]),
    response_header(
        "Cache-Control",
        "`no-cache`; with the parameter `etag`, a copy stays current for a year.",
        [200, 304],
    ),
    response_header("Location", "URL of the current waveform.", [302]),
]
_BETWEEN = {
    302: OpenApiResponse(None, "The audio has another ETag than `etag`."),
    304: OpenApiResponse(None, "Your copy is current."),
}


def _described(
    kind: str, known: parameters.Parameters, found: dict[Any, Any], **options: Any
) -> Callable[[F], F]:
    reading = READING if known is parameters.WAVEFORM else NEGOTIATING_NOTHING
    errors = error_responses(
        partial(invalid_query, known),
        *reading,
        *SHOWING,
        partial(NotAnalysed, REASONS["damaged"].sentence),
        AnalysisPending,
        name="QueryErrors",
    )
    describe: Callable[[F], F] = extend_schema(
        tags=["clips"],
        parameters=[CLIP_ID, query_parameters(f"{kind}Parameters", known), *_HEADERS, *limits(200)],
        auth=READERS,
        responses={
            **found,
            **_BETWEEN,
            **{(status, "application/json"): error for status, error in errors.items()},
        },
        **options,
    )
    return describe


def _image(media_type: str, name: str) -> Callable[[F], F]:
    return _described(
        f"Waveform{name}",
        parameters.WAVEFORM_IMAGE,
        {(200, media_type): OpenApiResponse(OpenApiTypes.BINARY, "The image.")},
        operation_id=f"clip_waveform_{name.lower()}",
        summary=f"Get a waveform as {name}",
        description=f"Return an image of the audio as {name}.",
    )


waveform = _described(
    "Waveform",
    parameters.WAVEFORM,
    {
        (200, "application/json"): OpenApiResponse(
            PolymorphicProxySerializer(
                "WaveformData",
                [WaveformAnswer, AudiowaveformAnswer],
                resource_type_field_name=None,
            ),
            "The waveform.",
        )
    },
    operation_id="clip_waveform",
    summary="Get a waveform",
    description="Return the shape of the audio: the lowest and the highest sample of each part. It "
    "comes from the audio as it is decoded, so picture and sound agree.",
    examples=_EXAMPLES,
)
waveform_svg = _image("image/svg+xml", "SVG")
waveform_png = _image("image/png", "PNG")
