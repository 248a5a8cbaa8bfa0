"""The state of tasks that procrastinate does not keep: last errors, and tallies of attempts."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

DROP = """
DROP INDEX library_failed_tasks;
DROP FUNCTION library_tally_task CASCADE;
DROP FUNCTION library_seed_task_tallies;
DROP FUNCTION library_task_bounds;
DROP TABLE library_tasktally;
DROP TABLE library_taskerror;
"""


class Migration(migrations.Migration):
    dependencies = [
        ('library', '0015_idempotent_clips'),
        ('procrastinate', '0041_post_retry_failed_job'),
    ]

    operations = [
        migrations.RunSQL(Path(__file__).with_suffix('.sql').read_text(), DROP),
        migrations.CreateModel(
            name='TaskError',
            fields=[
                ('job', models.OneToOneField(on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='last_error', serialize=False, to='procrastinate.procrastinatejob')),
                ('message', models.TextField()),
                ('at', models.DateTimeField()),
            ],
            options={
                'db_table': 'library_taskerror',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='Task',
            fields=[
            ],
            options={
                'verbose_name': 'task',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('procrastinate.procrastinatejob',),
        ),
    ]
