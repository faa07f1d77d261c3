"""The forms of the access desk: one for each thing that can be written down next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from handrail.actions.payer_requests import DECIDES, VERB, drugs
from handrail.records.models import Course
from handrail.rules.access import Kind, Request
from handrail.rules.access_data import SUPPLY_WORDS, TOCILIZUMAB, access_rules
from handrail.rules.caredata import tocilizumab
from handrail.rules.terms import FIRST_TREATMENT, STEP_UP_STEPS, STEP_WORDS
from handrail.web.forms import YES_NO, Field, Form

URGENCIES: Final = (("standard", "Standard"), ("expedited", "Expedited"))
SETTINGS: Final = (("inpatient", "In hospital"), ("hybrid", "Some in hospital"), ("outpatient", "Outside"))
AT: Final = Field(name="at", label="When it happened", kind="moment", hint="Empty: now.")
WHY: Final = Field(name="reason", label="Why", kind="text", required=True)
NOTE: Final = Field(name="reason", label="What was said", kind="text")
DUE: Final = Field(
    name="answer_due", label="The payer says it answers by", kind="moment", hint="Empty: it did not say."
)
FROM: Final = Field(name="valid_from", label="First day", kind="date", hint="Empty: not known.")
UNTIL: Final = Field(name="valid_until", label="Last day", kind="date", hint="Empty: not known.")
TITLES: Final[dict[Kind, str]] = {
    Kind.INTERNAL_CLEARED: "The billing team cleared it",
    Kind.INTERNAL_REFUSED: "The billing team refused it",
    Kind.SUBMITTED: "Submitted to the payer",
    Kind.FOLLOWED_UP: "Asked the payer where it stands",
    Kind.MORE_ASKED: "The payer asked for more",
    Kind.MORE_SENT: "Sent what the payer asked for",
    Kind.APPROVED: "Approved",
    Kind.NOT_REQUIRED: "The payer asks for no authorisation",
    Kind.DENIED: "Denied",
    Kind.TALK_ASKED: "Asked for a peer-to-peer talk",
    Kind.TALK_HELD: "The talk was held, the denial stands",
    Kind.APPEALED: "Appealed",
    Kind.CHOICE: "Decide what is done meanwhile",
    Kind.SUBSTITUTED: "Another product is given for the one asked for",
    Kind.WITHDRAWN: "Withdraw the request",
    Kind.TAKEN_BACK: "An entry was an error",
}


def product_choices() -> tuple[tuple[str, str], ...]:
    """The tocilizumab products, by their brand and suffix."""
    return tuple((row.id, f"{row.brand} {row.suffix or ''}".strip()) for row in tocilizumab().product)


def opening(course: Course, payers: Sequence[str]) -> Form:
    """The form that opens a request."""
    known = f"Known here: {', '.join(payers)}." if payers else ""
    names = drugs()
    choices = ((course.product, names.get(course.product, course.product)), (TOCILIZUMAB, names[TOCILIZUMAB]))
    fields = (
        Field(name="drug", label="For", kind="choice", choices=choices, required=True),
        Field(name="payer", label="Payer", kind="text", required=True, hint=known),
        Field(name="product", label="Tocilizumab product", kind="choice", choices=product_choices()),
        Field(
            name="limit", label="What binds the payer", kind="choice", hint="Empty: not known.",
            choices=tuple((row.id, row.words) for row in access_rules().limit),
        ),
        Field(name="internal", label="Does the own billing team clear it first?", kind="yes_no", choices=YES_NO, start="yes"),
        Field(name="urgency", label="Urgency", kind="choice", choices=URGENCIES),
        Field(name="setting", label="Where the step-up is planned", kind="choice", choices=SETTINGS),
        Field(name="supply", label="Supply", kind="choice", choices=tuple(SUPPLY_WORDS.items())),
    )  # fmt: skip
    return _form("open", "Open a request", fields)


def of_kind(kind: Kind, request: Request, *, warned: bool = False, entries: Sequence[tuple[str, str]] = ()) -> Form:
    """The form of an entry.

    Args:
        warned: something is to be seen before the request is sent; sending it all the same needs a reason.
        entries: what can be taken back, by id and words.
    """
    options = tuple(
        (row.id, f"{row.words}: {row.consequence}")
        for row in access_rules().option
        if request.drug == TOCILIZUMAB or not row.prophylaxis_only
    )
    fields: dict[Kind, tuple[Field, ...]] = {
        Kind.INTERNAL_CLEARED: (Field(name="reason", label="Who of the billing team, and on what", kind="text"),),
        Kind.SUBMITTED: (
            Field(name="urgency", label="Urgency", kind="choice", choices=URGENCIES, start=request.urgency or ""),
            DUE,
            WHY if warned else NOTE,
        ),
        Kind.FOLLOWED_UP: (DUE, NOTE),
        Kind.MORE_ASKED: (DUE, NOTE),
        Kind.MORE_SENT: (DUE, NOTE),
        Kind.APPEALED: (DUE, NOTE),
        Kind.TALK_ASKED: (NOTE,),
        Kind.APPROVED: (
            Field(name="number", label="Number", kind="text"),
            FROM,
            UNTIL,
            Field(name="code", label="Billing code", kind="text", hint="As the letter says. Empty: not known."),
            Field(name="site", label="For which site", kind="text", hint="Its code here, or “any”. Empty: not known."),
            Field(
                name="setting", label="For which setting", kind="choice", hint="Empty: not known.",
                choices=(("any", "Any"), ("inpatient", "In hospital"), ("outpatient", "Outside")),
            ),
            Field(name="units", label="Units", kind="whole"),
            NOTE,
        ),
        Kind.NOT_REQUIRED: (FROM, UNTIL, Field(name="reason", label="Who said so", kind="text", required=True)),
        Kind.CHOICE: (
            Field(name="option", label="What is done", kind="choice", choices=options, required=True),
            WHY,
            Field(name="valid_until", label="It counts until", kind="date", hint="Needed where the dose goes on without the payer."),
        ),
        Kind.SUBSTITUTED: (
            Field(name="product", label="Product", kind="choice", choices=product_choices(), required=True),
            NOTE,
        ),
        Kind.TAKEN_BACK: (Field(name="takes_back", label="Which", kind="choice", choices=tuple(entries), required=True), WHY),
    }  # fmt: skip
    ends = () if kind in (Kind.CHOICE, Kind.SUBSTITUTED, Kind.TAKEN_BACK) else (AT,)
    return _form(kind.value, TITLES[kind], (*fields.get(kind, (WHY,)), *ends))


def card_form() -> Form:
    """The form of an own policy card."""
    steps = tuple((step, STEP_WORDS[step].capitalize()) for step in (*STEP_UP_STEPS[:3], FIRST_TREATMENT))
    fields = (
        Field(name="payer", label="Payer", kind="text", required=True),
        Field(name="drug", label="Drug", kind="choice", choices=tuple(drugs().items()), required=True),
        Field(name="since", label="In force from", kind="date", required=True),
        Field(name="until", label="Until", kind="date"),
        Field(name="document", label="Document it was read in, with number and address", kind="text", hint="An appeal names it."),
        Field(name="indication", label="For whom, in own words", kind="text", required=True),
        Field(name="lines_required", label="Earlier lines asked for", kind="whole"),
        Field(name="site_of_care", label="What it asks of the place", kind="text"),
        Field(name="reads_place", label="Was the clause on the place read?", kind="yes_no", choices=YES_NO[:2]),
        Field(name="inpatient_steps", label="Paid in hospital only", kind="choices", choices=steps),
        Field(name="preferred", label="Preferred tocilizumab", kind="choices", choices=product_choices()),
        Field(name="prophylaxis", label="Is prevention named?", kind="choice", choices=(("named", "Yes"), ("not_named", "No"))),
        Field(name="months", label="A first authorisation holds", kind="whole", unit="months"),
        Field(name="supply", label="Supply it asks for", kind="choice", choices=tuple(SUPPLY_WORDS.items())[:2]),
        Field(name="contact", label="Contact for requests and peer-to-peer talks", kind="text"),
    )  # fmt: skip
    return _form("card", "Add a policy card", fields, "It stands beside the shipped ones and counts before them.")


def interchange_form() -> Form:
    """The form of a therapeutic interchange protocol."""
    uses = (("prophylaxis", "Prevention"), ("treatment", "Treatment of a reaction"))
    fields = (
        Field(name="products", label="Products that stand in for one another", kind="choices", choices=product_choices(), required=True),
        Field(name="uses", label="For", kind="choices", choices=uses, required=True),
        Field(name="approved_by", label="Approved by", kind="text", required=True),
        Field(name="since", label="Approved on", kind="date", required=True),
        Field(name="until", label="Until", kind="date", required=True),
    )  # fmt: skip
    intro = "Whatever the label of a product says of CRS. A reaction is treated from the shelf with or without it."
    return _form("interchange", "Add an interchange protocol", fields, intro)


def guideline_form() -> Form:
    """The form of the edition of a guideline that letters cite."""
    fields = (
        Field(name="name", label="Guideline", kind="text", required=True),
        Field(name="version", label="Version", kind="text", required=True),
        Field(name="since", label="Of", kind="date", required=True),
        Field(name="until", label="Until", kind="date"),
        Field(name="words", label="What it says of the use, with category and page", kind="text", required=True),
    )
    return _form("guideline", "Add an edition of a guideline", fields, "Letters cite the latest one in force.")


def stock_form(sites: Sequence[tuple[str, str]]) -> Form:
    """The form of a count of rescue doses."""
    fields = (
        Field(name="site", label="Site", kind="choice", choices=tuple(sites), required=True),
        Field(name="doses", label="Rescue doses of tocilizumab", kind="whole", required=True),
        Field(name="since", label="Counted on", kind="date", required=True),
    )
    return _form("stock", "Count the rescue doses", fields)


def _form(key: str, title: str, fields: tuple[Field, ...], intro: str = "") -> Form:
    verb = DECIDES if key == Kind.CHOICE else VERB
    return Form(key=key, title=title, verb=verb, fields=fields, intro=intro, events=lambda values: [dict(values)])
