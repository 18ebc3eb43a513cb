"""The row that logins share and changes of the lists lock (`accounts/policy.py`) exists from the start."""

from django.db import migrations


def make(apps, schema_editor):
    apps.get_model("accounts", "Revision").objects.get_or_create(name="rules", defaults={"number": 0})


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
