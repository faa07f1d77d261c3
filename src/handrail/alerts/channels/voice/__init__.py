"""A phone call that reads the page aloud, twice, and takes a key: 1 says "I have it".

What is read is only the urgency, the site and the code, letter by letter. A key counts as the person's word because it comes back
signed by the provider, for this call, at the address that this page alone was given.

An answering machine that takes the call is no person: the provider is asked to tell the two apart while the page is read.
"""

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from handrail.alerts import phone
from handrail.alerts.channels import URGENCY_WORDS, Message, Outcome

RING_SECONDS: Final = 25
"""So long it rings: shorter than until most answering machines take over."""
KEY_SECONDS: Final = 10


class Voice:
    """One call to a phone of the person."""

    name = "voice"
    own_address = True
    carries_link = False

    def configured(self) -> bool:
        """Whether a provider is named in `HANDRAIL_PHONE_URL`."""
        return phone.provider() is not None

    def send(self, message: Message) -> Outcome:
        """Place the call; receipts tell later whether it was taken, and whether by a human."""
        form: dict[str, str | Sequence[str]] = {
            "To": message.to,
            "Twiml": script(message),
            "Timeout": str(RING_SECONDS),
            "StatusCallback": message.receipts_to,
            "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
        }
        return phone.create("Calls", form if message.words else {**form, **_who_answers(message)})


def _who_answers(message: Message) -> dict[str, str]:
    """Detection beside the reading: nobody waits in silence for it."""
    return {"MachineDetection": "Enable", "AsyncAmd": "true", "AsyncAmdStatusCallback": message.receipts_to}


def script(message: Message) -> str:
    """What the call does, in the provider's own markup."""
    if message.words:
        said = escape(_aloud(message.words))
        return f"<Response><Pause/><Say>{said}</Say><Pause/><Say>{said}</Say></Response>"
    urgency = URGENCY_WORDS.get(message.urgency, message.urgency).capitalize()
    page = f"Handrail. {urgency}. Site {message.site}. Code {', '.join(message.code)}."
    said = escape(f"{page} I repeat. {page} Press 1 to say: I have it.")
    action = quoteattr(message.answer_to)
    gather = f'<Gather input="dtmf" numDigits="1" timeout="{KEY_SECONDS}" method="POST" action={action}>'
    return (
        f"<Response><Pause/>{gather}<Say>{said}</Say></Gather><Say>No key was pressed. Nobody has it.</Say></Response>"
    )


def _aloud(words: str) -> str:
    """Digits one by one: a code is read out, not a number."""
    return "".join(f"{sign}, " if sign.isdigit() else sign for sign in words)


CHANNEL = Voice()
