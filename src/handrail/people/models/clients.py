"""Systems that speak to the FHIR door by themselves: their public keys, what they may do, and the tokens that they hold."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from handrail import clock
from handrail.people.owned import OwnedRow


class ServiceClient(OwnedRow):
    """A system that an organisation registered. Only its public keys are kept; its id is its `client_id`."""

    name = models.CharField(max_length=80)
    jwks = models.JSONField()
    """A JSON Web Key Set of public keys."""
    scopes = models.JSONField()
    """The most that it may ask for."""
    registered_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    """From then on it is answered like one that never was."""

    def __str__(self) -> str:
        return f"client {self.pk}"


class ClientAssertion(OwnedRow):
    """A signed request for a token that was used: the same once more is refused."""

    client = models.ForeignKey(ServiceClient, on_delete=models.PROTECT, related_name="assertions")
    jti_hash = models.CharField(max_length=64)
    expires_at = models.DateTimeField()

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "client", "jti_hash"], name="people_assertion_once"),
        ]

    def __str__(self) -> str:
        return f"assertion {self.pk}"


class AccessToken(OwnedRow):
    """What a client was given for minutes. The token is shown once; only its hash is kept."""

    client = models.ForeignKey(ServiceClient, on_delete=models.PROTECT, related_name="tokens")
    token_hash = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField()
    expires_at = models.DateTimeField()

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "token_hash"], name="people_accesstoken_hash"),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["token_hash"], name="people_accesstoken_find")]

    def __str__(self) -> str:
        return f"token {self.pk}"  # neither the token nor its hash reaches a log


class DeviceLink(OwnedRow):
    """The name by which a client calls one patient, tied to one course by a person of the organisation."""

    client = models.ForeignKey(ServiceClient, on_delete=models.PROTECT, related_name="links")
    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="device_links")
    value_hash = models.CharField(max_length=64, editable=False)
    """Keyed, of the identifier's system and value."""
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "client", "value_hash"],
                condition=Q(ended_at__isnull=True),
                name="people_devicelink_one",
            ),
        ]

    def __str__(self) -> str:
        return f"device link {self.pk}"
