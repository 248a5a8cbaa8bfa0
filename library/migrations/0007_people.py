"""The groups Editors and Analysts, and indexes for searching Django's log of changes."""

from django.db import migrations

from library.access.groups import create_groups, remove_groups

# Punctuation becomes spaces, as in library_clip_words: PostgreSQL's parser would take `rock/pop` for
# the path of a file.
CREATE_WORDS = r"""
CREATE FUNCTION library_words(words text)
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_tsvector('simple', translate(
    words, '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', repeat(' ', 32)))
"""
# The audit log searches Django's table by time and words. Without these indexes it would read it all.
INDEXES = {
    "library_log_time": "(action_time)",
    "library_log_words": "USING gin (library_words(object_repr))",
}


class Migration(migrations.Migration):

    dependencies = [
        ("library", "0006_presence"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="apitoken",
            options={"ordering": ("id",), "verbose_name": "API token"},
        ),
        migrations.AlterModelOptions(
            name="playevent",
            options={"ordering": ("-id",), "verbose_name": "play"},
        ),
        migrations.RunPython(create_groups, remove_groups),
        migrations.RunSQL(CREATE_WORDS, "DROP FUNCTION library_words(text)"),
        *(
            migrations.RunSQL(
                f"CREATE INDEX {name} ON django_admin_log {columns}", f"DROP INDEX {name}"
            )
            for name, columns in INDEXES.items()
        ),
    ]
