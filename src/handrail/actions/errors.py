"""Why a verb did not do what it was asked. `code` is for machines, `message` for people; neither holds a reading or a name."""


class ActionError(Exception):
    """A verb that was not done; nothing was changed."""

    code = "refused"
    fact: int | None = None
    """Of several facts that were sent together, which; counted from 0."""

    def __init__(self, message: str, *, code: str | None = None, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.path = path


class RefusedError(ActionError):
    """Input that cannot be used."""


class ConflictError(ActionError):
    """The id was used before for other content."""

    code = "duplicate_id"


class NotAllowedError(ActionError):
    """The person sees the course and may not do this."""

    code = "not_allowed"


class NotVisibleError(ActionError):
    """There is no such course for this person: answered like a course that does not exist."""

    code = "not_found"


class TooManyError(ActionError):
    """More than any person sends; the same later may be taken."""

    code = "too_many"
