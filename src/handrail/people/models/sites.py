"""What a site showed of its checklist, what a director excepted, which level a director signed, and whether the label is followed strictly.

All of it is append-only, by product.

The organisation of the site owns the rows. The other party of an agreement in force sees them too, and its director writes the
exceptions and signatures where it is the hub (`handrail.actions.site_levels` asks who).
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from handrail import clock
from handrail.people.models.organisations import Site
from handrail.people.owned import OwnedRow


class SiteRecord(OwnedRow):
    """What all of them have: the site, the product ('' for every one), who wrote it in which role, and when."""

    append_only = True
    reached_through = "site"

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    product = models.CharField(max_length=40, blank=True)
    evidence = models.CharField(max_length=200, blank=True)
    """Where the paper is, or its number; never the paper itself."""
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=16)
    at = models.DateTimeField(default=clock.now)

    class Meta(OwnedRow.Meta):
        abstract = True


class SiteItem(SiteRecord):
    """An item of the checklist as somebody found it on a day. NULL is "asked, not known"."""

    item = models.CharField(max_length=16)
    met = models.BooleanField(null=True)
    checked_on = models.DateField(null=True, blank=True)
    until = models.DateField(null=True, blank=True)
    """The last day of the evidence itself."""
    no_end = models.BooleanField(null=True)
    licence = models.CharField(max_length=24, blank=True)
    """Of SITE-05: the type of licence."""
    dispenser = models.CharField(max_length=120, blank=True)
    """Of SITE-05: who answers for dispensing, by name and role."""

    class Meta(SiteRecord.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(until__isnull=True) | ~Q(no_end=True) | Q(no_end__isnull=True), name="people_siteitem_end"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "site", "item", "at"], name="people_siteitem_last")
        ]

    def __str__(self) -> str:
        return f"{self.item} {self.checked_on}"


class SiteException(SiteRecord):
    """A director excepts an item from a day until another, both included, or takes that back from a day on."""

    item = models.CharField(max_length=16)
    from_on = models.DateField()
    until_on = models.DateField()
    reason = models.CharField(max_length=300)
    taken_back = models.BooleanField(default=False)
    """What was excepted before for this item and product ends before `from_on`."""

    class Meta(SiteRecord.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.CheckConstraint(condition=Q(until_on__gte=F("from_on")), name="people_siteexception_days"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "site", "item"], name="people_siteexception_item")
        ]

    def __str__(self) -> str:
        return f"{self.item} until {self.until_on}"


class SiteGrant(SiteRecord):
    """A director signs a level for a product from a day until another, both included. The last one counts; 0 ends it."""

    level = models.CharField(max_length=1)
    from_on = models.DateField()
    until_on = models.DateField()
    why = models.CharField(max_length=300, blank=True)
    """Why it was signed though a condition of the promotion was not met."""

    class Meta(SiteRecord.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.CheckConstraint(condition=Q(until_on__gte=F("from_on")), name="people_sitegrant_days"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "site", "product"], name="people_sitegrant_last")
        ]

    def __str__(self) -> str:
        return f"level {self.level} until {self.until_on}"


class SiteWay(SiteRecord):
    """How many minutes another site is away in the worst case, so that patients are told of the nearest first. The last one counts."""

    other = models.UUIDField()
    """The other site, of whichever organisation."""
    minutes = models.PositiveSmallIntegerField()

    class Meta(SiteRecord.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "site", "at"], name="people_siteway_last")
        ]

    def __str__(self) -> str:
        return f"{self.minutes} min"


class SiteStrict(SiteRecord):
    """A director says from which day on the site follows the label's setting strictly, or no more. Of those begun the last one counts."""

    strict = models.BooleanField()
    from_on = models.DateField()
    reason = models.CharField(max_length=300)

    class Meta(SiteRecord.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "site", "at"], name="people_sitestrict_last")
        ]

    def __str__(self) -> str:
        return f"{'strict' if self.strict else 'not strict'} from {self.from_on}"
