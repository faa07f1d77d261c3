"""How a signing set stands: what is decided, which signatures count, and the document that comes of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from handrail.people import scope
from handrail.people.models import Organisation, Role
from handrail.records.models import ProtocolSignature, SigningEntry, SigningMark, SigningSet
from handrail.records.signed import in_force
from handrail.rules.overlays import TO_CONFIRM, Decided, digest_of, document_of
from handrail.rules.protocol import Protocol, Row, load
from handrail.rules.terms import UnusableInput

Part = SigningMark.Part
ROLES: Final[dict[str, frozenset[Role]]] = {
    Part.PHARMACIST: frozenset({Role.PHARMACIST}),
    Part.MEDICAL_LEAD: frozenset({Role.ONCOLOGIST, Role.DIRECTOR}),
}
"""As what a person may sign, by the roles at the organisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A set as it stands."""

    signing_set: SigningSet
    protocol: Protocol | None
    """None: the file has changed since the set was opened, or is no longer here; the set can only be read."""
    entries: Mapping[str, SigningEntry]
    """The newest entry of each row that has one."""
    digest: str
    marks: Mapping[str, SigningMark]
    """The signatures that count, by part."""
    ended: tuple[SigningMark, ...]
    """Signatures that a later entry ended."""
    signature: ProtocolSignature | None
    newest: bool
    """False: a later set of the same protocol was opened."""

    def to_decide(self) -> tuple[Row, ...]:
        """Every row that needs a decision, decided or not."""
        return tuple(row for row in self.protocol.rows() if row.status in TO_CONFIRM) if self.protocol else ()

    def open_rows(self) -> tuple[Row, ...]:
        """The rows that wait for a decision."""
        return tuple(row for row in self.to_decide() if row.id not in self.entries)

    @property
    def closed(self) -> bool:
        """Nothing more can be entered or signed."""
        return self.signature is not None or not self.newest or self.protocol is None


def state_of(signing_set: SigningSet) -> State:
    """A set with its decisions and its signatures."""
    entries: dict[str, SigningEntry] = {}
    for entry in signing_set.entries.select_related("by").order_by("number"):
        entries[entry.row_id] = entry
    digest = digest_of(signing_set.protocol_key, signing_set.sha256, decided_of(entries.values()))
    marks, ended = {}, []
    for mark in signing_set.marks.select_related("by").order_by("at", "id"):
        if mark.digest == digest:
            marks[mark.part] = mark
        else:
            ended.append(mark)
    later = SigningSet.objects.filter(
        organisation_id=signing_set.organisation_id,
        protocol_key=signing_set.protocol_key,
        number__gt=signing_set.number,
    )
    return State(
        signing_set=signing_set,
        protocol=_protocol(signing_set),
        entries=entries,
        digest=digest,
        marks=marks,
        ended=tuple(ended),
        signature=signing_set.signatures.select_related("pharmacist", "medical_lead").first(),
        newest=not later.exists(),
    )


def _protocol(signing_set: SigningSet) -> Protocol | None:
    try:
        protocol = load(signing_set.protocol_key)
    except UnusableInput:
        return None
    return protocol if protocol.sha256 == signing_set.sha256 else None


def decided_of(entries: Iterable[SigningEntry]) -> list[Decided]:
    return [
        Decided(
            row_id=entry.row_id,
            row_sha256=entry.row_sha256,
            citation=entry.citation if entry.decision == SigningEntry.Decision.CONFIRMED else None,
            in_force_to=entry.in_force_to,
            confirmed_on=entry.at.date() if entry.in_force_to is not None else None,
            number=entry.number,
        )
        for entry in entries
    ]


def document_for(state: State, *, names: bool = False) -> dict[str, Any]:
    """The overlay document of a set with both signatures; with names for people, without for the record."""
    organisation = Organisation.objects.get(pk=state.signing_set.organisation_id)
    signatures = [
        {
            "part": part,
            "id": str(mark.by_id),
            "at": mark.at.isoformat(),
            **({"name": mark.by.name} if names else {}),
        }
        for part, mark in sorted(state.marks.items())
    ]
    return document_of(
        state.signing_set.protocol_key,
        state.signing_set.sha256,
        decided_of(state.entries[row_id] for row_id in sorted(state.entries)),
        number=state.signing_set.number,
        organisation=organisation.name,
        signatures=signatures,
    )


def signed_overlay(organisation_id: UUID, protocol: Protocol) -> dict[str, Any] | None:
    """The document that an organisation signed for a protocol as it ships now, held against what both people really signed.

    None: not signed, changed since, or not what the signatures are for.
    """
    with scope.everything():
        signature = in_force(organisation_id, protocol.key)
        if signature is None or signature.signing_set is None or signature.sha256 != protocol.sha256:
            return None
        state = state_of(signature.signing_set)
        document = signature.document
        if not isinstance(document, dict) or set(state.marks) != set(ROLES):
            return None
        wanted = document_for(state)
        return document if {**document, "signed_by": wanted["signed_by"]} == wanted else None
