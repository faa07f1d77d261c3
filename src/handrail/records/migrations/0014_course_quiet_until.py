from django.db import migrations, models


class Migration(migrations.Migration):
    """Null says that nobody knows: every course stands on the first page of the board until it is judged again."""

    dependencies = [
        ('records', '0013_export_jobs'),
    ]

    operations = [
        migrations.AddField(
            model_name='course',
            name='quiet_until',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
