"""Reports of clips by the public, the trigger that settles them, and the permissions of editors."""

from pathlib import Path

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from library.access.groups import grant_reports


class Migration(migrations.Migration):

    dependencies = [
        ('library', '0027_listens'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Report',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(choices=[('spam', 'Spam'), ('rights', 'Rights'), ('broken', 'Broken')], editable=False, max_length=6)),
                ('number', models.PositiveIntegerField(default=0, editable=False, verbose_name='reports')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='first')),
                ('latest_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='latest')),
                ('closed_at', models.DateTimeField(editable=False, null=True, verbose_name='closed')),
                ('outcome', models.CharField(blank=True, choices=[('dismissed', 'Dismissed'), ('fixed', 'Fixed'), ('withdrawn', 'Withdrawn'), ('deleted', 'Deleted')], editable=False, max_length=9)),
                ('note', models.CharField(blank=True, editable=False, max_length=300)),
                ('clip', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='library.clip')),
                ('closed_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-latest_at', '-id'),
                'default_permissions': ('view', 'change'),
            },
        ),
        migrations.CreateModel(
            name='ReportMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='time')),
                ('details', models.TextField(blank=True, max_length=2000)),
                ('contact', models.CharField(blank=True, max_length=254)),
                ('client', models.UUIDField(null=True)),
                ('report', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='library.report')),
            ],
            options={
                'ordering': ('-id',),
                'default_permissions': (),
            },
        ),
        migrations.AddIndex(
            model_name='report',
            index=models.Index(condition=models.Q(('closed_at', None)), fields=['-latest_at', '-id'], name='report_open'),
        ),
        migrations.AddIndex(
            model_name='report',
            index=models.Index(fields=['-latest_at', '-id'], name='report_latest'),
        ),
        migrations.AddConstraint(
            model_name='report',
            constraint=models.UniqueConstraint(condition=models.Q(('closed_at', None)), fields=('clip', 'reason'), name='report_open_once'),
        ),
        migrations.AddConstraint(
            model_name='report',
            constraint=models.CheckConstraint(condition=models.Q(('closed_at', None), models.Q(('outcome', ''), _negated=True), _connector='XOR'), name='report_closed_with_outcome'),
        ),
        migrations.AddIndex(
            model_name='reportmessage',
            index=models.Index(fields=['report', '-id'], name='report_message_newest'),
        ),
        migrations.RunSQL(
            Path(__file__).with_suffix('.sql').read_text(),
            'DROP FUNCTION library_settle_reports CASCADE',
        ),
        migrations.RunPython(grant_reports, migrations.RunPython.noop),
    ]
