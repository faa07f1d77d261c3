"""The tables of records."""

from handrail.records.models.access import CourseAccess, Look
from handrail.records.models.course import Course
from handrail.records.models.documents import Document
from handrail.records.models.event import Event
from handrail.records.models.exports import Export, ExportFile, ExportJob
from handrail.records.models.gate import GateSignature
from handrail.records.models.handoffs import HandoffDoor, HandoffPerson
from handrail.records.models.imports import ImportBatch, ImportDecision
from handrail.records.models.packets import PacketVersion
from handrail.records.models.payers import AccessPaper, PayerEntry, PayerRequest
from handrail.records.models.policies import PolicyAdoption, PolicyProposal
from handrail.records.models.signatures import ProtocolSignature, SigningEntry, SigningMark, SigningSet
from handrail.records.models.stays import StayPerson

__all__ = [
    "AccessPaper",
    "Course",
    "CourseAccess",
    "Document",
    "Event",
    "Export",
    "ExportFile",
    "ExportJob",
    "GateSignature",
    "HandoffDoor",
    "HandoffPerson",
    "ImportBatch",
    "ImportDecision",
    "Look",
    "PacketVersion",
    "PayerEntry",
    "PayerRequest",
    "PolicyAdoption",
    "PolicyProposal",
    "ProtocolSignature",
    "SigningEntry",
    "SigningMark",
    "SigningSet",
    "StayPerson",
]
