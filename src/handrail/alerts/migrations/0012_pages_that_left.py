"""Which alerts have a message that left the machine: asked for every message that waits, and an alert has many pages that only show."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("alerts", "0011_dispatch_to_practice")]

    operations = [
        migrations.AddIndex(
            model_name="page",
            index=models.Index(
                condition=models.Q(
                    ("state", "sent"),
                    models.Q(("channel__in", ("on_screen", "patient_screen")), _negated=True),
                ),
                fields=["alert"],
                name="alerts_page_left",
            ),
        ),
    ]
