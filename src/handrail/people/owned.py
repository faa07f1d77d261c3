"""What every clinical table has: the organisation that owns the row, and what the database must guard about it.

A model says the rest about itself in four attributes, and `handrail.people.guards` makes the database enforce them:

- every foreign key to another owned model carries the organisation along: a child cannot belong to another organisation
  than its parent;
- `reached_through`: how a row leads to its course, so that an organisation with access to that course sees the row; to its
  agreement, so that the other party sees it; or to a site, so that the other party of an agreement in force sees it;
- `append_only`: the database refuses UPDATE, DELETE and TRUNCATE;
- `clinical`: row-level security is on (PostgreSQL).
"""

import uuid
from typing import ClassVar, Literal

from django.db import models

Reach = Literal["", "course", "patient", "agreement", "site"]


class OwnedModel(models.Model):
    """A row that belongs to one organisation."""

    clinical: ClassVar[bool] = True
    append_only: ClassVar[bool] = False
    reached_through: ClassVar[Reach] = ""

    organisation = models.ForeignKey("people.Organisation", on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True


class OwnedRow(OwnedModel):
    """An owned row with an id of its own. Subclasses keep `unique(organisation, id)` by inheriting `Meta`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)

    class Meta:
        abstract = True
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organisation", "id"], name="%(app_label)s_%(class)s_organisation_id")
        ]
