"""The app of people: after every migration it puts the guards of the database in place."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class PeopleConfig(AppConfig):
    """Organisations, users, patients and the guards that keep organisations apart."""

    name = "handrail.people"
    label = "people"

    def ready(self) -> None:
        from handrail.people import signals
        from handrail.people.guards import drop_before_migrate, install_after_migrate

        pre_migrate.connect(drop_before_migrate, sender=self, dispatch_uid="handrail.guards")
        post_migrate.connect(install_after_migrate, sender=self, dispatch_uid="handrail.guards")
        signals.connect()
