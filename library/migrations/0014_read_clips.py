"""The function that reads the clips of streams."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("library", "0013_clip_ledger")]

    operations = [
        migrations.RunSQL(
            Path(__file__).with_suffix(".sql").read_text(), "DROP FUNCTION library_read_clips"
        )
    ]
