"""An index of the audit log for the first page of the administration, built while the release before writes (R60)."""

from django.db import migrations, models

from accounts.gently import AddIndexGently


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("accounts", "0011_kept_keys")]

    operations = [
        AddIndexGently(
            model_name="auditevent",
            index=models.Index(condition=models.Q(("outcome", "refused")), fields=["-at"], name="refused_events"),
        ),
    ]
