
import accounts.clock
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_pages'),
    ]

    operations = [
        migrations.CreateModel(
            name='HomeserverAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('localpart', models.CharField(max_length=255)),
                ('created_at', models.DateTimeField(default=accounts.clock.now, editable=False)),
                ('connected_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('provisioned_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('problem', models.CharField(blank=True, choices=[('name-taken', 'the homeserver has somebody else of this name'), ('deactivated', 'deactivated at the homeserver')], db_index=True, max_length=16)),
                ('sent', models.JSONField(blank=True, default=dict)),
                ('sync_due_at', models.DateTimeField(blank=True, db_index=True, null=True)),
                ('claim', models.CharField(blank=True, editable=False, max_length=32)),
                ('claimed_until', models.DateTimeField(blank=True, editable=False, null=True)),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='homeserver_account', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'account at the homeserver',
                'verbose_name_plural': 'accounts at the homeserver',
            },
        ),
        migrations.CreateModel(
            name='HomeserverTask',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('new-account', 'new account'), ('account', 'account'), ('device', 'device'), ('device-name', 'name of a device'), ('devices', 'all devices')], max_length=16)),
                ('device_id', models.CharField(blank=True, max_length=512)),
                ('erase', models.BooleanField(default=False, verbose_name='erase what was written')),
                ('revision', models.BigIntegerField(default=0, editable=False)),
                ('created_at', models.DateTimeField(default=accounts.clock.now, editable=False)),
                ('due_at', models.DateTimeField(db_index=True, default=accounts.clock.now)),
                ('hold', models.CharField(blank=True, editable=False, max_length=32)),
                ('held_until', models.DateTimeField(blank=True, editable=False, null=True)),
                ('tries', models.PositiveIntegerField(default=0)),
                ('last_error', models.CharField(blank=True, max_length=200)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='homeserver_tasks', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'homeserver task',
                'constraints': [models.UniqueConstraint(fields=('user', 'kind', 'device_id'), name='one_task_of_a_thing')],
            },
        ),
    ]
