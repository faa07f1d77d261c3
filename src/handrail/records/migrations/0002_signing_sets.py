import django.db.models.deletion
import handrail.clock
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0003_cache_table"),
        ("records", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SigningEntry",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField()),
                ("row_id", models.CharField(max_length=80)),
                ("row_sha256", models.CharField(max_length=64)),
                ("decision", models.CharField(choices=[("confirmed", "Confirmed"), ("left", "Left")], max_length=10)),
                ("citation", models.CharField(blank=True, max_length=500)),
                ("carried_from", models.PositiveIntegerField(blank=True, null=True)),
                ("at", models.DateTimeField(default=handrail.clock.now)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="SigningMark",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "part",
                    models.CharField(
                        choices=[("pharmacist", "pharmacist"), ("medical_lead", "medical lead")], max_length=12
                    ),
                ),
                ("digest", models.CharField(max_length=64)),
                ("at", models.DateTimeField(default=handrail.clock.now)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="SigningSet",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("protocol_key", models.CharField(max_length=80)),
                ("sha256", models.CharField(max_length=64)),
                ("number", models.PositiveIntegerField()),
                ("opened_at", models.DateTimeField(default=handrail.clock.now)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.RemoveConstraint(
            model_name="protocolsignature",
            name="records_signature_once",
        ),
        migrations.AddField(
            model_name="protocolsignature",
            name="document",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="signingentry",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="signingentry",
            name="organisation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.organisation"
            ),
        ),
        migrations.AddField(
            model_name="signingmark",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="signingmark",
            name="organisation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.organisation"
            ),
        ),
        migrations.AddField(
            model_name="signingset",
            name="opened_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="signingset",
            name="organisation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.organisation"
            ),
        ),
        migrations.AddField(
            model_name="signingmark",
            name="signing_set",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="marks", to="records.signingset"
            ),
        ),
        migrations.AddField(
            model_name="signingentry",
            name="signing_set",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="entries", to="records.signingset"
            ),
        ),
        migrations.AddField(
            model_name="protocolsignature",
            name="signing_set",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="signatures",
                to="records.signingset",
            ),
        ),
        migrations.AddConstraint(
            model_name="protocolsignature",
            constraint=models.UniqueConstraint(
                condition=models.Q(("revoked_at__isnull", True)),
                fields=("organisation", "protocol_key"),
                name="records_signature_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="protocolsignature",
            constraint=models.UniqueConstraint(
                fields=("organisation", "signing_set"), name="records_signature_one_per_set"
            ),
        ),
        migrations.AddConstraint(
            model_name="signingset",
            constraint=models.UniqueConstraint(
                fields=("organisation", "id"), name="records_signingset_organisation_id"
            ),
        ),
        migrations.AddConstraint(
            model_name="signingset",
            constraint=models.UniqueConstraint(
                fields=("organisation", "protocol_key", "number"), name="records_signingset_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="signingmark",
            constraint=models.UniqueConstraint(
                fields=("organisation", "id"), name="records_signingmark_organisation_id"
            ),
        ),
        migrations.AddConstraint(
            model_name="signingmark",
            constraint=models.UniqueConstraint(
                fields=("organisation", "signing_set", "part", "digest"), name="records_signingmark_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="signingentry",
            constraint=models.UniqueConstraint(
                fields=("organisation", "id"), name="records_signingentry_organisation_id"
            ),
        ),
        migrations.AddConstraint(
            model_name="signingentry",
            constraint=models.UniqueConstraint(
                fields=("organisation", "signing_set", "number"), name="records_signingentry_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="signingentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decision", "confirmed"), _negated=True),
                    models.Q(("citation", ""), _negated=True),
                    _connector="OR",
                ),
                name="records_signingentry_has_its_citation",
            ),
        ),
    ]
