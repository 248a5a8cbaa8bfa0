"""Attempts at analyses."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('library', '0017_sound'),
    ]

    operations = [
        migrations.AddField(
            model_name='audioanalysis',
            name='attempts',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='audioanalysis',
            name='next_attempt_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='audioanalysis',
            name='obstacle',
            field=models.CharField(max_length=64, null=True),
        ),
        migrations.AlterField(
            model_name='audioanalysis',
            name='audio_etag',
            field=models.CharField(blank=True, help_text='Of the stream, with its quotes.', max_length=100),
        ),
        migrations.AlterField(
            model_name='audioanalysis',
            name='sha256',
            field=models.CharField(blank=True, db_index=True, help_text="Of the audio's bytes.", max_length=64),
        ),
        migrations.AlterField(
            model_name='audioanalysis',
            name='source',
            field=models.TextField(blank=True, help_text="The clip's URL or file when it was analysed."),
        ),
    ]
