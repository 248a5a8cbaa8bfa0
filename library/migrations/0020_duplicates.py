"""Pairs of clips with the same audio, and the landmarks that find them."""

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
                ('pk', models.CompositePrimaryKey('mark', 'clip_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('mark', models.IntegerField()),
                ('clip', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='library.clip')),
            ],
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
