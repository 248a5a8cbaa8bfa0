"""The audio that renditions are made from, an index of those being made, and sentences."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('library', '0018_analyses'),
    ]

    operations = [
        migrations.AddField(
            model_name='rendition',
            name='audio_sha256',
            field=models.CharField(blank=True, help_text="Of the clip's audio.", max_length=64),
        ),
        migrations.AlterField(
            model_name='clip',
            name='preview_fade_in',
            field=models.FloatField(blank=True, error_messages={'max_value': 'A fade lasts 0 to 10 seconds.', 'min_value': 'A fade lasts 0 to 10 seconds.'}, help_text='Seconds. Leave empty for 0.1, or for none at the start of the audio.', null=True, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(10)], verbose_name='fade-in'),
        ),
        migrations.AlterField(
            model_name='clip',
            name='preview_fade_out',
            field=models.FloatField(blank=True, error_messages={'max_value': 'A fade lasts 0 to 10 seconds.', 'min_value': 'A fade lasts 0 to 10 seconds.'}, help_text='Seconds. Leave empty for 1, or for none at the end of the audio.', null=True, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(10)], verbose_name='fade-out'),
        ),
        migrations.AlterField(
            model_name='clip',
            name='preview_length',
            field=models.FloatField(blank=True, error_messages={'max_value': 'A preview lasts 5 to 60 seconds.', 'min_value': 'A preview lasts 5 to 60 seconds.'}, help_text='Seconds, 5 to 60. Leave empty for 30.', null=True, validators=[django.core.validators.MinValueValidator(5), django.core.validators.MaxValueValidator(60)], verbose_name='length'),
        ),
        migrations.AlterField(
            model_name='clip',
            name='preview_start',
            field=models.FloatField(blank=True, error_messages={'max_value': 'The start must be from 0 to 3600 seconds.', 'min_value': 'The start must be from 0 to 3600 seconds.'}, help_text='Seconds. Leave empty to start with the loudest part.', null=True, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(3600)], verbose_name='start'),
        ),
        migrations.AddIndex(
            model_name='rendition',
            index=models.Index(condition=models.Q(('state', 'pending')), fields=['id'], name='rendition_pending'),
        ),
    ]
