"""Listens: reports of players, their tallies, and the function that records them."""

from pathlib import Path

import django.contrib.postgres.fields
import django.db.models.deletion
import library.models.listen
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('library', '0026_audiences'),
    ]

    operations = [
        migrations.CreateModel(
            name='Listen',
            fields=[
                ('pk', models.CompositePrimaryKey('clip_id', 'session', blank=True, editable=False, primary_key=True, serialize=False)),
                ('session', models.UUIDField(help_text='Made by the page.')),
                ('began_at', models.DateTimeField(db_index=True, help_text='When its first report arrived.')),
                ('reported_at', models.DateTimeField(help_text='When its last report arrived.')),
                ('position', models.PositiveIntegerField(help_text='In the last report.')),
                ('playing', models.BooleanField(help_text='Whether the audio went on after the last report.')),
                ('duration', models.PositiveIntegerField(help_text='Of the clip, when the listen began.')),
                ('heard', library.models.listen.RangesField(help_text='The parts of the clip that were heard.')),
                ('heard_length', models.PositiveIntegerField(help_text='Of these parts together.')),
                ('credited', models.PositiveIntegerField(help_text='The same, limited by the time that passed.')),
                ('twentieths', models.PositiveIntegerField(help_text="Bit n is set if at least half of the clip's twentieth n was heard.")),
                ('clip', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='library.clip')),
            ],
        ),
        migrations.CreateModel(
            name='ListenTally',
            fields=[
                ('pk', models.CompositePrimaryKey('clip_id', 'day', blank=True, editable=False, primary_key=True, serialize=False)),
                ('day', models.DateField()),
                ('listens', models.PositiveIntegerField()),
                ('credited', models.PositiveBigIntegerField(help_text='Milliseconds heard.')),
                ('shares', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), help_text='Listens by the share of the clip heard, in per cent.', size=None)),
                ('twentieths', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), help_text='Listens that heard each twentieth of the clip.', size=None)),
                ('clip', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='library.clip')),
            ],
        ),
        migrations.RunSQL(
            # Reports update rows in place, without their indexes, if the page has room.
            'ALTER TABLE library_listen SET (fillfactor = 50)', migrations.RunSQL.noop
        ),
        migrations.RunSQL(
            Path(__file__).with_suffix('.sql').read_text(),
            'DROP FUNCTION library_record_listen, library_heard_twentieths,'
            ' library_heard_length, library_heard_after',
        ),
    ]
