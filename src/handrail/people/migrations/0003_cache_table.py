"""The table of the shared cache, in which sign-in attempts are counted."""

from django.core.management import call_command
from django.db import migrations


def make(apps, schema_editor):  # noqa: ARG001
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [("people", "0002_initial")]
    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
