"""Indexes of clips for filters by creator, licence and changes, and the order by recent plays.

The indexes are built while plays are recorded: in no transaction, and without a lock that plays wait
for.
"""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Lower

INDEXES = (
    models.Index(fields=['updated_at', 'id'], name='clip_updated_at'),
    models.Index(Lower('creator'), models.F('id'), name='clip_creator', condition=models.Q(creator__isnull=False)),
    models.Index(fields=['licence', 'id'], name='clip_licence', condition=models.Q(licence__isnull=False)),
)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('library', '0023_search'),
    ]

    operations = [
        # An interrupted migration may have created it.
        migrations.RunSQL('DROP TABLE IF EXISTS library_recentplays', migrations.RunSQL.noop),
        migrations.CreateModel(
            name='RecentPlays',
            fields=[
                ('clip_id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('plays', models.PositiveBigIntegerField()),
            ],
            options={
                'indexes': [models.Index(fields=['plays', 'clip_id'], name='recent_plays_order')],
            },
        ),
        *(
            operation
            for index in INDEXES
            for operation in (
                # An interrupted migration leaves some indexes, and one that is invalid.
                migrations.RunSQL(
                    f'DROP INDEX CONCURRENTLY IF EXISTS {index.name}', migrations.RunSQL.noop
                ),
                AddIndexConcurrently('clip', index),
            )
        ),
    ]
