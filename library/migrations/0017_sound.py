"""Analyses of audio, previews and renditions."""

from pathlib import Path

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('library', '0016_tasks'),
    ]

    operations = [
        migrations.CreateModel(
            name='AudioAnalysis',
            fields=[
                ('clip', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='analysis', serialize=False, to='library.clip')),
                ('source', models.TextField(help_text="The clip's URL or file when it was analysed.")),
                ('audio_etag', models.CharField(help_text='Of the stream, with its quotes.', max_length=100)),
                ('sha256', models.CharField(db_index=True, help_text="Of the audio's bytes.", max_length=64)),
                ('failure', models.CharField(help_text='A code of library.sound.', max_length=64, null=True)),
                ('analysed_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('peaks', models.BinaryField(help_text='library.sound.waveform.Peaks, stored.', null=True)),
                ('short_term', django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), help_text='Loudness in LUFS, for the loudest excerpt.', null=True, size=None)),
                ('fingerprint', models.BinaryField(null=True)),
            ],
            options={
                'verbose_name_plural': 'audio analyses',
            },
        ),
        migrations.AddField(
            model_name='clip',
            name='audio',
            field=models.JSONField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='clip',
            name='preview_fade_in',
            field=models.FloatField(blank=True, help_text='Seconds.', null=True, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(10)], verbose_name='fade-in'),
        ),
        migrations.AddField(
            model_name='clip',
            name='preview_fade_out',
            field=models.FloatField(blank=True, help_text='Seconds.', null=True, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(10)], verbose_name='fade-out'),
        ),
        migrations.AddField(
            model_name='clip',
            name='preview_length',
            field=models.FloatField(blank=True, help_text='Seconds, 5 to 60. Leave empty for 30.', null=True, validators=[django.core.validators.MinValueValidator(5), django.core.validators.MaxValueValidator(60)], verbose_name='length'),
        ),
        migrations.AddField(
            model_name='clip',
            name='preview_start',
            field=models.FloatField(blank=True, help_text='Seconds. Leave empty to start with the loudest part.', null=True, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(3600)], verbose_name='start'),
        ),
        migrations.AddField(
            model_name='clip',
            name='renditions',
            field=models.JSONField(editable=False, null=True),
        ),
        migrations.CreateModel(
            name='Rendition',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('part', models.CharField(choices=[('whole', 'Whole'), ('preview', 'Preview')], max_length=7)),
                ('format', models.CharField(choices=[('mp3', 'Mp3'), ('opus', 'Opus'), ('aac', 'Aac')], max_length=4)),
                ('quality', models.CharField(choices=[('low', 'Low'), ('high', 'High')], max_length=4)),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('ready', 'Ready'), ('failed', 'Failed')], default='pending', max_length=7)),
                ('recipe', models.CharField(blank=True, max_length=64)),
                ('failure', models.CharField(max_length=64, null=True)),
                ('requested_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('made_at', models.DateTimeField(null=True)),
                ('file', models.CharField(blank=True, db_index=True, max_length=255)),
                ('content_type', models.CharField(blank=True, max_length=100)),
                ('etag', models.CharField(blank=True, max_length=100)),
                ('size_bytes', models.PositiveBigIntegerField(null=True)),
                ('duration', models.FloatField(null=True)),
                ('gain', models.FloatField(help_text='dB', null=True)),
                ('clip', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='library.clip')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('clip', 'part', 'format', 'quality'), name='rendition_once')],
            },
        ),
        migrations.RunSQL(
            Path(__file__).with_suffix(".sql").read_text(), "DROP FUNCTION library_stream_clips"
        ),
    ]
