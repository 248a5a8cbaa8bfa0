"""Alternative ways to represent a page of clips as JSON, which the benchmark compares."""

from collections.abc import Callable
from typing import Any

from rest_framework import renderers, serializers
from rest_framework.request import Request
from rest_framework.reverse import reverse
from rest_framework.test import APIRequestFactory

from library.api.json_bodies import JSONRenderer
from library.api.representation import FIELDS, columns, select_list, shown
from library.models import Clip
from library.models.rows import read

PAGE = 100
REQUEST = Request(APIRequestFactory().get("/api/v1/clips"))


class HealthSerializer(serializers.Serializer[Any]):
    """The `health` of a clip."""

    status = serializers.CharField(source="health")
    reason = serializers.CharField(source="health_reason")
    since = serializers.DateTimeField(source="health_since")


class ModelClipSerializer(serializers.ModelSerializer[Clip]):
    """A clip by DRF's ModelSerializer, which the list used earlier."""

    stream_url = serializers.SerializerMethodField()
    audio_url = serializers.SerializerMethodField()
    licence_url = serializers.CharField(source="terms.url")
    attribution = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    health = HealthSerializer(source="*")

    class Meta:
        model = Clip
        fields = FIELDS

    def get_stream_url(self, clip: Clip) -> str:
        url: str = reverse("clip-stream", args=[clip.pk], request=REQUEST)
        return url

    def get_audio_url(self, clip: Clip) -> str:
        return clip.audio_url or self.get_stream_url(clip)


def _serialized(renderer: renderers.BaseRenderer) -> Any:
    clips = Clip.objects.all()[:PAGE]
    return renderer.render(ModelClipSerializer(clips, many=True).data)


def _rows() -> bytes:
    statement = f"SELECT {select_list(columns())} FROM library_clip ORDER BY id LIMIT {PAGE}"
    return JSONRenderer().render(shown(read(statement, prepared=True), REQUEST))


REPRESENTATIONS: dict[str, Callable[[], Any]] = {
    "ModelSerializer, json": lambda: _serialized(renderers.JSONRenderer()),
    "ModelSerializer, orjson": lambda: _serialized(JSONRenderer()),
    "plain rows, orjson (the list)": _rows,
}
