"""Store the ids of clips for an Idempotency-Key instead of the whole response."""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

import library.validators

# A response is a clip, or a list of clips.
KEEP_IDS = """
    UPDATE library_idempotentanswer SET clips = CASE jsonb_typeof(body::jsonb)
        WHEN 'array' THEN ARRAY(
            SELECT (clip ->> 'id')::bigint
            FROM jsonb_array_elements(body::jsonb) WITH ORDINALITY AS listed (clip, place)
            ORDER BY place
        )
        ELSE ARRAY[(body::jsonb ->> 'id')::bigint]
    END
"""


class Migration(migrations.Migration):
    dependencies = [("library", "0014_read_clips")]

    operations = [
        migrations.AddField(
            model_name="idempotentanswer",
            name="clips",
            field=ArrayField(base_field=models.BigIntegerField(), default=list, size=None),
            preserve_default=False,
        ),
        migrations.RunSQL(KEEP_IDS, migrations.RunSQL.noop),
        migrations.RemoveField(model_name="idempotentanswer", name="body"),
        migrations.RemoveField(model_name="idempotentanswer", name="headers"),
        migrations.RemoveField(model_name="idempotentanswer", name="status"),
        migrations.AddIndex(
            model_name="idempotentanswer",
            index=models.Index(fields=["client", "created_at"], name="idempotent_answer_client"),
        ),
        migrations.AlterField(
            model_name="clip",
            name="creator_url",
            field=models.CharField(
                blank=True,
                max_length=2000,
                null=True,
                validators=[library.validators.WebURLValidator()],
                verbose_name="creator URL",
            ),
        ),
    ]
