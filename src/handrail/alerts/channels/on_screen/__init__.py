"""The inbox: a page is there as soon as its row is written."""

from handrail.alerts.channels import Delivered, Message, Outcome


class OnScreen:
    """The inbox of the person who is paged."""

    name = "on_screen"
    own_address = False
    carries_link = False

    def configured(self) -> bool:
        """Always."""
        return True

    def send(self, message: Message) -> Outcome:  # noqa: ARG002
        """The row itself is the delivery."""
        return Delivered()


CHANNEL = OnScreen()
