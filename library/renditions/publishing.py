"""Writes a clip's renditions into its row, where lists and streams find them without a join."""

from datetime import datetime
from typing import Any

from django.db import transaction

from library.models import AudioAnalysis, Clip, Rendition
from library.renditions import files
from library.renditions.variants import VARIANTS, Variant, variant_of

PUBLIC = ("duration", "size_bytes", "content_type", "etag")


@transaction.atomic
def publish(
    row: Rendition, made: dict[str, Any], source: str, audio_sha256: str, began: datetime
) -> bool:
    """Save a rendition and list it in its clip, unless that has other audio since it began.

    It has if its source is another one, or if an analysis has found other bytes there.
    """
    clip = _locked(row.clip_id)
    if clip is None or clip.source != source:
        return False
    since = AudioAnalysis.objects.filter(clip=clip, source=source, analysed_at__gt=began)
    if since.exclude(sha256__in=("", audio_sha256)).exists():
        return False
    Rendition.objects.filter(pk=row.pk).update(**made)
    _list(clip, audio_sha256)
    return True


@transaction.atomic
def list_current(clip_id: int) -> None:
    """List the renditions of the audio that was analysed. Delete those of any other audio."""
    clip = _locked(clip_id)
    analysis = AudioAnalysis.objects.filter(clip_id=clip_id).only("sha256", "source").first()
    if clip is None or analysis is None or analysis.source != clip.source:
        return
    rows = Rendition.objects.filter(clip=clip).exclude(state=Rendition.State.PENDING)
    outdated = rows.exclude(audio_sha256__in=("", analysis.sha256))
    for row in outdated:
        files.release(row.file)
    outdated.delete()
    _list(clip, analysis.sha256)


@transaction.atomic
def delete(row: Rendition) -> bool:
    """Delete a rendition and unlist it, unless it has another file by now, or is about to."""
    clip = _locked(row.clip_id)
    unchanged = Rendition.objects.filter(pk=row.pk, file=row.file)
    deleted, _ = unchanged.exclude(state=Rendition.State.PENDING).delete()
    if clip is None or not deleted:
        return False
    files.release(row.file)
    left = [made for made in clip.renditions or () if Variant.of(made) != variant_of(row)]
    Clip.objects.filter(pk=clip.pk).update(renditions=left or None)
    return True


def _locked(clip_id: int) -> Clip | None:
    """Return the clip, locked until the transaction ends: two renditions may be ready at once.

    NO KEY, because inserting a play event refers to the row and must not wait.
    """
    clips = Clip.objects.select_for_update(no_key=True)
    return clips.only("audio_url", "audio_file", "renditions").filter(pk=clip_id).first()


def _list(clip: Clip, audio_sha256: str) -> None:
    rows = Rendition.objects.filter(clip=clip, audio_sha256=audio_sha256).exclude(file="")
    found = {variant_of(row): row for row in rows}
    listed = [
        {
            **variant._asdict(),
            **{name: getattr(found[variant], name) for name in PUBLIC},
            "file": found[variant].file,
        }
        for variant in VARIANTS
        if variant in found
    ]
    if (listed or None) != clip.renditions:
        Clip.objects.filter(pk=clip.pk).update(renditions=listed or None)
