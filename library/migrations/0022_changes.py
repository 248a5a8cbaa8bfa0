"""Changes of public clips, numbered when they are committed; they replace the ledger."""

from pathlib import Path

from django.db import migrations

DROP = """
DROP FUNCTION library_token;
DROP FUNCTION library_changes_after;
DROP FUNCTION library_note_clips, library_note_tallies, library_note_truncation CASCADE;
DROP TABLE library_change, library_changestate;
DROP FUNCTION library_number_changes;
"""


class Migration(migrations.Migration):
    dependencies = [("library", "0021_clip_indexes")]

    operations = [
        migrations.RunSQL(
            Path(__file__).with_suffix(".sql").read_text(),
            DROP + Path(__file__).with_name("0013_clip_ledger.sql").read_text(),
        ),
    ]
