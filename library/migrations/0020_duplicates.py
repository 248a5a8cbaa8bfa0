"""Pairs of clips with the same audio, and the indexes that find them."""

import django.contrib.postgres.indexes
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('library', '0019_renditions'),
    ]

    operations = [
        migrations.CreateModel(
            name='Landmark',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('mark', models.IntegerField()),
                ('clip', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='library.clip')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('mark', 'clip'), name='landmark_once')],
            },
        ),
        migrations.AddIndex(
            model_name='clip',
            index=django.contrib.postgres.indexes.HashIndex(condition=models.Q(('audio_url', ''), _negated=True), fields=['audio_url'], name='clip_audio_url'),
        ),
        migrations.CreateModel(
            name='Duplicate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('url', 'the same URL'), ('bytes', 'the same file'), ('sound', 'the same sound')], max_length=5)),
                ('score', models.FloatField(help_text='1 for the same URL or bytes; 0.75 to 1 for sounds.')),
                ('found_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('dismissed_at', models.DateTimeField(help_text='An editor said they differ.', null=True)),
                ('clip_a', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='library.clip')),
                ('clip_b', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='library.clip')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('clip_a', 'clip_b', 'kind'), name='duplicate_once'), models.CheckConstraint(condition=models.Q(('clip_a__lt', models.F('clip_b'))), name='duplicate_in_order')],
            },
        ),
    ]
