"""E-mail over SMTP, through Django's backend."""

import smtplib
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from handrail.alerts.channels import Delivered, Message, Outcome, PermanentFailure, TemporaryFailure

SECONDS: Final = 5
"""How long a mail server may take before the attempt counts as failed for now."""


class Email:
    """One mail to the address of the person who is paged."""

    name = "email"
    own_address = False
    carries_link = True

    def configured(self) -> bool:
        """Whether a mail server is named in `HANDRAIL_EMAIL_URL`."""
        return bool(getattr(settings, "EMAIL_HOST", "")) and settings.EMAIL_BACKEND.endswith("smtp.EmailBackend")

    def send(self, message: Message) -> Outcome:
        """Send the mail. A refusal by the server is final; anything about the connection is not."""
        mail = EmailMessage(
            subject=message.subject(),
            body=message.text(),
            to=[message.to],
            headers={"Message-ID": f"<{message.idempotency_key}@handrail>", "Auto-Submitted": "auto-generated"},
            connection=get_connection(timeout=SECONDS),
        )
        try:
            taken = mail.send()
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            return _refused(max(codes, default=500))
        except smtplib.SMTPResponseException as error:
            return _refused(error.smtp_code)
        except (smtplib.SMTPException, OSError) as error:
            return TemporaryFailure(why=f"the mail server did not answer ({type(error).__name__})")
        except ValueError as error:
            return PermanentFailure(why=f"no mail can be written to that address ({type(error).__name__})")
        return Delivered() if taken else PermanentFailure(why="there is no address")


def _refused(code: int) -> Outcome:
    if code >= 500:
        return PermanentFailure(why=f"the mail server refused ({code})")
    return TemporaryFailure(why=f"the mail server asked to wait ({code})")


CHANNEL = Email()
