import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import handrail.clock


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0023_referral_pages'),
    ]

    operations = [
        migrations.CreateModel(
            name='SiteStrict',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('product', models.CharField(blank=True, max_length=40)),
                ('evidence', models.CharField(blank=True, max_length=200)),
                ('role', models.CharField(max_length=16)),
                ('at', models.DateTimeField(default=handrail.clock.now)),
                ('strict', models.BooleanField()),
                ('from_on', models.DateField()),
                ('reason', models.CharField(max_length=300)),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.organisation')),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.site')),
            ],
            options={
                'abstract': False,
                'indexes': [models.Index(fields=['organisation', 'site', 'at'], name='people_sitestrict_last')],
                'constraints': [models.UniqueConstraint(fields=('organisation', 'id'), name='people_sitestrict_organisation_id')],
            },
        ),
    ]
