"""The ledger of clips, which gives the library's version and the number of its clips."""

from pathlib import Path

from django.db import migrations

DROP = """
DROP FUNCTION library_token;
DROP FUNCTION library_note_clips, library_note_tallies CASCADE;
DROP FUNCTION library_fold_ledger;
DROP TABLE library_clipledger;
"""


class Migration(migrations.Migration):
    dependencies = [("library", "0012_recording")]

    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(), DROP)]
