"""Webhooks, their log, and the permissions of editors."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import library.models.webhook
import library.validators
from library.access.groups import grant_webhooks


class Migration(migrations.Migration):

    dependencies = [
        ('library', '0024_filters'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='WebhookTally',
            fields=[
                ('outcome', models.CharField(choices=[('delivered', 'Delivered'), ('failed', 'Failed')], max_length=16, primary_key=True, serialize=False)),
                ('number', models.PositiveBigIntegerField(default=0)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Webhook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='What receives the changes.', max_length=100)),
                ('url', models.CharField(help_text='Where changes are sent: https, and a public host.', max_length=2000, validators=[library.validators.validate_webhook_url], verbose_name='URL')),
                ('changes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('published', 'Published'), ('updated', 'Updated'), ('withdrawn', 'Withdrawn'), ('deleted', 'Deleted'), ('restored', 'Restored')], max_length=9), default=library.models.webhook.every_change, help_text='The kinds of changes that are sent.', size=None, validators=[django.core.validators.MinLengthValidator(1, 'Choose at least one kind of change.')])),
                ('secret', models.CharField(default=library.models.webhook.new_secret, editable=False, max_length=100)),
                ('previous_secrets', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, default=list, editable=False, size=None)),
                ('previous_secrets_until', django.contrib.postgres.fields.ArrayField(base_field=models.DateTimeField(), blank=True, default=list, editable=False, size=None)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('cursor', models.BigIntegerField(default=0, editable=False)),
                ('message_id', models.CharField(blank=True, editable=False, max_length=40)),
                ('message_until', models.BigIntegerField(editable=False, null=True)),
                ('message_at', models.DateTimeField(editable=False, null=True)),
                ('failures', models.PositiveIntegerField(default=0, editable=False)),
                ('failing_since', models.DateTimeField(editable=False, null=True)),
                ('next_attempt_at', models.DateTimeField(editable=False, null=True)),
                ('delivered_at', models.DateTimeField(editable=False, null=True, verbose_name='last delivery')),
                ('paused_at', models.DateTimeField(editable=False, null=True)),
                ('paused_reason', models.CharField(blank=True, choices=[('editor', 'an editor paused it'), ('receiver_gone', 'the receiver responded with 410 Gone'), ('failed_for_a_day', 'every attempt of a day failed')], editable=False, max_length=16)),
                ('created_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('id',),
            },
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('changes', 'Changes'), ('test', 'Test'), ('resend', 'Resend')], max_length=7)),
                ('message_id', models.CharField(max_length=40)),
                ('message_at', models.DateTimeField()),
                ('kinds', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=9), default=list, size=None)),
                ('after', models.BigIntegerField(null=True)),
                ('until', models.BigIntegerField(null=True)),
                ('number', models.PositiveIntegerField(default=0, verbose_name='changes')),
                ('at', models.DateTimeField(db_index=True, default=django.utils.timezone.now, verbose_name='time')),
                ('seconds', models.FloatField()),
                ('status', models.PositiveSmallIntegerField(null=True, verbose_name='HTTP status')),
                ('code', models.CharField(blank=True, max_length=32)),
                ('response', models.TextField(blank=True)),
                ('webhook', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='library.webhook')),
            ],
            options={
                'verbose_name': 'webhook delivery',
                'verbose_name_plural': 'webhook deliveries',
                'ordering': ('-id',),
                'default_permissions': (),
                'indexes': [models.Index(fields=['webhook', '-id'], name='webhook_delivery_newest')],
            },
        ),
        migrations.RunPython(grant_webhooks, migrations.RunPython.noop),
    ]
