"""Dummy calls of the line that is answered at every hour. Rows are added, never changed."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from handrail import clock
from handrail.people.models.organisations import Site
from handrail.people.owned import OwnedRow


class DummyCall(OwnedRow):
    """Somebody dialled the line of a site to try it. `seconds`: until a human spoke; None: nobody counted. Taken back by another row."""

    append_only = True

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    number = models.CharField(max_length=40, blank=True)
    """What was dialled: the number of the site then."""
    answered = models.BooleanField()
    """By a human: a machine or a menu that leads to nobody is no answer."""
    seconds = models.PositiveIntegerField(null=True, blank=True)
    who_answered = models.CharField(max_length=60, blank=True)
    """A role, not a name."""
    rostered = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """Who was first on call by the rota at that minute; None: nobody."""
    as_rostered = models.BooleanField(null=True, blank=True)
    """Whether the person of the rota answered."""
    takes_back = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="taken_back_by"
    )
    reason = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(answered=True) | Q(seconds__isnull=True), name="people_dummycall_answered"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "site", "at"], name="people_dummycall_site")
        ]

    def __str__(self) -> str:
        return f"dummy call {self.at:%Y-%m-%d %H:%M}"
