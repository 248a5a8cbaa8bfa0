"""Clips as JSON in the response to their addition, or to the upload of their audio."""

from typing import Any

from rest_framework import serializers

from library.api import representation
from library.api.fields import Field
from library.api.serializers import ADDED, ClipSerializer, copied
from library.models import DuplicateKind

# The fields of a clip that the tags of a file may have a value for.
PROPOSED = ("title", "description", "genre", "tags", "creator", "creator_url", "licence", "isrc")
UPLOADED = ("proposals", "warnings")  # only in the response to an upload


class DuplicateSerializer(serializers.Serializer[dict[str, Any]]):
    """A clip with the same audio."""

    id = serializers.IntegerField(help_text="Of the other clip.")
    kind = serializers.ChoiceField(
        DuplicateKind.choices,
        help_text="What the two have in common: the URL, the file, or the sound.",
    )
    score = serializers.FloatField(help_text="How well they agree: 1 is the best.")


class ProposalsSerializer(serializers.Serializer[dict[str, Any]]):
    """Values from the tags of a file, as fields of a PATCH."""

    def get_fields(self) -> dict[str, Field]:
        texts = serializers.ListField(child=serializers.CharField(), required=False)
        return {
            name: texts if name == "tags" else serializers.CharField(required=False)
            for name in PROPOSED
        }


class AddedClipSerializer(ClipSerializer):
    """A clip that was added, with those that are in the library already."""

    duplicates = DuplicateSerializer(
        many=True,
        read_only=True,
        help_text="Clips with the same audio. Only a warning: the clip was added.",
    )
    proposals = ProposalsSerializer(
        read_only=True,
        help_text="Only of an upload: what the tags of the file say. Nothing of it was applied.",
    )
    warnings = serializers.ListField(
        child=serializers.CharField(),
        read_only=True,
        help_text="Only of an upload: sentences about audio that was accepted, such as a truncated "
        "file.",
    )

    class Meta(ClipSerializer.Meta):
        fields = (*representation.FIELDS, *ADDED)

    def get_fields(self) -> dict[str, Field]:
        fields = super().get_fields()
        if "id" in fields:
            fields |= {name: copied(self._declared_fields[name]) for name in ADDED}
        return fields
