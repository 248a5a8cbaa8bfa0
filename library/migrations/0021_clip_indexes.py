"""Indexes of clips for filters by facts of the audio, and for searches by URL.

They are built while plays are recorded: in no transaction, and without a lock that plays wait for.
"""

from django.contrib.postgres.indexes import HashIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

INDEXES = (
    models.Index(Cast(KeyTextTransform('loudness', 'audio'), models.FloatField()), models.F('id'), name='clip_loudness', condition=models.Q(audio__isnull=False)),
    models.Index(Cast(KeyTextTransform('channels', 'audio'), models.IntegerField()), models.F('id'), name='clip_channels', condition=models.Q(audio__isnull=False)),
    models.Index(Cast(KeyTextTransform('lossless', 'audio'), models.BooleanField()), models.F('id'), name='clip_lossless', condition=models.Q(audio__isnull=False)),
    HashIndex(fields=['audio_url'], name='clip_audio_url', condition=~models.Q(audio_url='')),
)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('library', '0020_duplicates'),
    ]

    operations = [
        operation
        for index in INDEXES
        for operation in (
            # An interrupted migration leaves some indexes, and one that is invalid.
            migrations.RunSQL(
                f'DROP INDEX CONCURRENTLY IF EXISTS {index.name}', migrations.RunSQL.noop
            ),
            AddIndexConcurrently('clip', index),
        )
    ]
