"""What happens to every request: idle log-off, a second factor where the organisation requires it, and whose rows are shown."""

from collections.abc import Callable
from datetime import datetime, timedelta

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from handrail import clock
from handrail.people import permissions, scope
from handrail.people.models import Organisation

Next = Callable[[HttpRequest], HttpResponse]

_LAST_SEEN = "handrail_last_seen"
_BACKGROUND = "HTTP_X_HANDRAIL_BACKGROUND"
_wall = clock.SystemClock()


class IdleLogOff:
    """Ends a session that nobody has used for `HANDRAIL_IDLE_MINUTES`.

    Requests that a page makes by itself carry the header `X-Handrail-Background: 1` and do not count as use. It is the wall
    clock that counts: in a hurried demonstration nobody is logged off early.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            now = _wall.now()
            seen = request.session.get(_LAST_SEEN)
            last = datetime.fromisoformat(seen) if seen else now
            if now - last > timedelta(minutes=settings.HANDRAIL_IDLE_MINUTES):
                logout(request)
                messages.info(request, _("You were signed off because nothing happened for a while."))
            elif _BACKGROUND not in request.META and (seen is None or now - last > timedelta(seconds=30)):
                request.session[_LAST_SEEN] = now.isoformat()
        return self.get_response(request)


class SecondFactorWhereRequired:
    """Sends people of an organisation that requires a second factor to set one up before anything else."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and not request.path.startswith(("/accounts/", "/static/")):
            organisations = permissions.organisations_of(request.user, clock.now())
            required = Organisation.objects.filter(pk__in=organisations, require_second_factor=True).exists()
            if required and not is_mfa_enabled(request.user):
                messages.warning(request, _("Your organisation requires a second factor. Set one up to go on."))
                return redirect("mfa_index")
        return self.get_response(request)


class OrganisationScope:
    """Shows the database whose rows this request may see; nobody's to somebody who is not signed in."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with scope.acting_for(*permissions.organisations_of(request.user, clock.now())):
            return self.get_response(request)
