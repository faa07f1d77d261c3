"""/metrics: figures about the watching, for Prometheus and its kind, behind a token.

Our own few lines instead of a client library: every figure is a gauge read from the database when it is asked for, so there is nothing to
count in memory, and nothing for several web processes to add up.
"""

from __future__ import annotations

import hmac

from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.alerts.figures import exposition, figures
from handrail.people import scope


@require_GET
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures; without the token of the installation there is no such page."""
    token: str = settings.HANDRAIL_METRICS_TOKEN
    kind, _, sent = request.headers.get("Authorization", "").partition(" ")
    good = kind.lower() == "bearer" and hmac.compare_digest(sent.strip().encode(), token.encode())
    if not token or not good:
        raise Http404("There is no such page.")
    with transaction.atomic(), scope.everything():
        text = exposition(figures(clock.now()))
    return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")
