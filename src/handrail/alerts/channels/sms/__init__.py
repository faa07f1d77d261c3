"""A text message through the phone provider. The receipt tells later whether it arrived."""

from handrail.alerts import phone
from handrail.alerts.channels import Message, Outcome


class Sms:
    """One text message to a phone of the person."""

    name = "sms"
    own_address = True
    carries_link = True

    def configured(self) -> bool:
        """Whether a provider is named in `HANDRAIL_PHONE_URL`."""
        return phone.provider() is not None

    def send(self, message: Message) -> Outcome:
        """Send the message."""
        return phone.create(
            "Messages", {"To": message.to, "Body": message.text(), "StatusCallback": message.receipts_to}
        )


CHANNEL = Sms()
