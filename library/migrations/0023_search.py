"""The words of clips without case and accents, and an index of them.

The column of words is generated, so no statement can bypass it. PostgreSQL computes it for all
clips: it rewrites the table, which plays wait for.
"""

from pathlib import Path

from django.db import migrations

# A generated column keeps its values when its function is replaced, so it is made again. So are the
# indexes of its words and of the words of the audit log.
MAKE_AGAIN = """
ALTER TABLE library_clip DROP COLUMN search_vector;
ALTER TABLE library_clip ADD COLUMN search_vector tsvector
    GENERATED ALWAYS AS (library_clip_words(title, tags::text[], creator, description)) STORED;
CREATE INDEX clip_search ON library_clip USING gin (search_vector);
ANALYZE library_clip (search_vector);
REINDEX INDEX library_log_words;
"""


class Migration(migrations.Migration):
    dependencies = [("library", "0022_changes")]

    operations = [
        # Going back keeps the words, in which the earlier search finds most of what it found.
        migrations.RunSQL(
            Path(__file__).with_suffix(".sql").read_text() + MAKE_AGAIN, migrations.RunSQL.noop
        ),
    ]
