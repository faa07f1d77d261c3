"""Handrail's own viewer of a health link, for whoever has no other.

It shows what to do first, as text, before anything is decoded; the rest happens in the browser (`health-link.js`). The server learns
nothing here: what follows the `#` is never sent. The page asks no other server, and its policy lets it ask none.
"""

from __future__ import annotations

from typing import Final

from csp.constants import NONE, SELF
from csp.decorators import csp
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.rules.emergency import emergency_data
from handrail.web.words import instant_iso

POLICY: Final = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "img-src": [SELF, "data:"],
    "connect-src": [SELF],
    "form-action": [NONE],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}


@require_GET
@csp(POLICY)
def viewer(request: HttpRequest) -> HttpResponse:
    """The same page for everybody."""
    data = emergency_data()
    context = {
        "now_iso": instant_iso(clock.now()),
        "clock_speed": f"{clock.speed():g}",
        "general": data.general.words,
        "first": [row.words for row in data.first],
        "avoid": data.avoid_words,
    }
    response = render(request, "handrail/health_link_view.html", context)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
