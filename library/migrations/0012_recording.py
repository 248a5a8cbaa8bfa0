"""The function that records plays."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("library", "0011_web_address_message")]

    operations = [
        migrations.RunSQL(
            Path(__file__).with_suffix(".sql").read_text(),
            "DROP FUNCTION library_record_plays",
        ),
    ]
