"""Who acts: a person, the holder of a link, a system that reads, or a part of Handrail itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from handrail.actions.errors import NotAllowedError, NotVisibleError
from handrail.people import permissions
from handrail.people.models import LinkToken, Role, ServiceClient, User
from handrail.people.scope import EVERYTHING
from handrail.records.models import Course

LINK_VERBS: Final = {
    LinkToken.Purpose.CHECKIN.value: frozenset({"record_checkin", "report_home_medicine"}),
    LinkToken.Purpose.HANDOFF.value: frozenset({"take_part_in_handoff"}),
    LinkToken.Purpose.HEALTH_LINK.value: frozenset({"read_packet"}),
    LinkToken.Purpose.EMERGENCY.value: frozenset({"ask_call_back"}),
}
"""What the holder of a link may do, by the link's purpose; nothing else."""
EMERGENCY: Final = "ed"
"""The role of whoever holds an emergency card and typed its code, whose card it is."""
SYSTEM_VERBS: Final = frozenset({"read_packet"})
"""What a system may do on a course that was tied to it; nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, and for whom. Made by `person`, `through_link`, `system` and `service`."""

    source: str
    user: User | None = None
    link: LinkToken | None = None
    client: ServiceClient | None = None
    name: str = ""
    on_behalf_of: str = ""

    @property
    def id(self) -> str:
        """What stands in the record: an id, never a name."""
        if self.user is not None:
            return str(self.user.pk)
        return str(self.link.pk) if self.link is not None else self.name

    def organisations(self, now: datetime) -> list[UUID | str]:
        """Whose rows this actor sees at `now`."""
        if self.user is not None:
            return list(permissions.organisations_of(self.user, now))
        if self.client is not None:
            return [self.client.organisation_id]
        return [self.link.organisation_id] if self.link is not None else [EVERYTHING]

    def role_for(self, verb: str, course: Course, now: datetime) -> str:
        """The role in which this actor does a verb on a course.

        Raises:
            NotVisibleError: a stranger, a link that is not for this course or no longer good, or a system to which nobody tied it.
            NotAllowedError: somebody who reaches the course and may not do this.
        """
        if self.user is not None:
            return self._role_of_user(self.user, verb, course, now)
        if self.link is not None:
            link = self.link
            good = link.course_id == course.pk and link.revoked_at is None and link.expires_at > now
            if not good:
                raise NotVisibleError("This link is no longer good.")
            if verb not in LINK_VERBS.get(link.purpose, frozenset()):
                raise NotAllowedError("This link is not for that.")
            return EMERGENCY if link.purpose == LinkToken.Purpose.EMERGENCY else link.holder
        if self.client is not None:
            return self._role_of_system(self.client, verb, course)
        return "service"

    @staticmethod
    def _role_of_system(client: ServiceClient, verb: str, course: Course) -> str:
        if client.ended_at is not None or not course.device_links.filter(client=client, ended_at__isnull=True).exists():
            raise NotVisibleError("There is no such course.")
        if verb not in SYSTEM_VERBS:
            raise NotAllowedError("A system may not do that.")
        return "service"

    @staticmethod
    def _role_of_user(user: User, verb: str, course: Course, now: datetime) -> str:
        ways = permissions.reach(user, course, now)
        if not ways:
            raise NotVisibleError("There is no such course.")
        if not permissions.may(user, verb, course, now):
            raise NotAllowedError("Your role does not allow that here.")
        allowed = permissions.VERBS[verb]
        for way in ways:
            if way.through == "membership" or verb in permissions.LENT[way.through]:
                for role in Role:
                    if role in way.roles & allowed:
                        return role.value
        raise NotAllowedError("Your role does not allow that here.")


def person(user: User, *, on_behalf_of: str = "", source: str = "staff") -> Actor:
    """A signed-in person. `on_behalf_of` names (by id) for whom, when a nurse writes down what a caregiver said."""
    return Actor(source=source, user=user, on_behalf_of=on_behalf_of)


def through_link(link: LinkToken) -> Actor:
    """The holder of a link: a patient, a caregiver, an emergency department, or somebody of the practice that takes a patient over."""
    if link.purpose in (LinkToken.Purpose.HANDOFF, LinkToken.Purpose.EMERGENCY):
        return Actor(source="staff", link=link)
    if link.holder == "caregiver":
        return Actor(source="caregiver", link=link, on_behalf_of=str(link.contact_id or ""))
    return Actor(source="patient", link=link)


def system(client: ServiceClient) -> Actor:
    """A system that reads what was tied to it, named by its id; what a device measured is written by `Caller.actor`."""
    return Actor(source="device", client=client, name=str(client.pk))


def service(name: str, *, source: str = "device") -> Actor:
    """A part of Handrail: the watcher, an import."""
    return Actor(source=source, name=name)
