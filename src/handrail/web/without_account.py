"""What every page for somebody without an account does with its answer."""

from __future__ import annotations

from django.http import HttpResponse


def private(response: HttpResponse, *, referrer: str = "same-origin") -> HttpResponse:
    """The answer is kept by no cache and found by no search, and its address goes to nobody else.

    With `no-referrer` a browser would send the form of a page without an origin, and it would be refused: that is for links alone.
    """
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = referrer
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def unlogged(response: HttpResponse) -> HttpResponse:
    """An error whose address Django does not log: it may hold a token."""
    vars(response)["_has_been_logged"] = True
    return response
