"""Tokens by their OAuth client; the table is large and in use, so the index is built while others write (R60)."""

from django.db import migrations, models

from accounts.gently import AddIndexGently


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("accounts", "0012_refused_events")]

    operations = [
        AddIndexGently(
            model_name="token",
            index=models.Index(fields=["client"], name="tokens_of_a_client"),
        ),
    ]
