"""The groups Editors and Analysts, and what Django's log of changes is searched by.

Django makes permissions after all migrations, so those that the groups need are made here, as it
would make them; it finds them then, and makes no others. A group of this name that is there already
is somebody's own, and stays as it is.
"""

from django.db import migrations

EDITORS = (
    ("clip", "add_clip", "Can add clip"),
    ("clip", "change_clip", "Can change clip"),
    ("clip", "delete_clip", "Can delete clip"),
    ("clip", "view_clip", "Can view clip"),
    ("clip", "import_clip", "Can import clips from files"),
    ("clip", "export_clip", "Can export clips to files"),
    ("playevent", "view_playevent", "Can view play"),
    ("apitoken", "add_apitoken", "Can add API token"),
    ("apitoken", "view_apitoken", "Can view API token"),
)
ANALYSTS = tuple(
    named for named in EDITORS if named[1] in ("view_clip", "export_clip", "view_playevent")
)
GROUPS = {"Editors": EDITORS, "Analysts": ANALYSTS}


def make_groups(apps, schema_editor=None):
    """Make the groups that are missing. `apps` may be those of a migration, or those of now."""
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    ContentType = apps.get_model("contenttypes", "ContentType")
    for name, needed in GROUPS.items():
        group, made = Group.objects.get_or_create(name=name)
        if not made:
            continue
        for model, codename, told in needed:
            kind, _ = ContentType.objects.get_or_create(app_label="library", model=model)
            permission, _ = Permission.objects.get_or_create(
                content_type=kind, codename=codename, defaults={"name": told}
            )
            group.permissions.add(permission)


def remove_groups(apps, schema_editor):
    """Remove those that nobody is in: people keep what they may do."""
    apps.get_model("auth", "Group").objects.filter(name__in=GROUPS, user=None).delete()


# As library_clip_words does it: punctuation is made spaces, or PostgreSQL's parser would take
# `rock/pop` for a file's path.
CREATE_WORDS = r"""
CREATE FUNCTION library_words(words text)
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_tsvector('simple', translate(
    words, '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', repeat(' ', 32)))
"""
# Django's table, but the audit log asks it for times and words: without these it reads all.
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
        migrations.RunPython(make_groups, remove_groups),
        migrations.RunSQL(CREATE_WORDS, "DROP FUNCTION library_words(text)"),
        *(
            migrations.RunSQL(
                f"CREATE INDEX {name} ON django_admin_log {columns}", f"DROP INDEX {name}"
            )
            for name, columns in INDEXES.items()
        ),
    ]
