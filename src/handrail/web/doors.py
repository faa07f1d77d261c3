"""What every staff page does first: who is asking, may they, and is there such a course for them?"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Final, ParamSpec
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.views.decorators.http import require_POST

from handrail import clock
from handrail.actions.errors import NotAllowedError, NotVisibleError
from handrail.actions.presence import note_look
from handrail.people import permissions
from handrail.people.models import User
from handrail.records.models import Course
from handrail.records.reach import courses_of

HIDDEN: Final = "HTTP_X_HANDRAIL_HIDDEN"
"""Sent by a page that asks again while another window or tab stands before it."""

Rest = ParamSpec("Rest")
View = Callable[Concatenate[HttpRequest, Rest], HttpResponse]


def staff_page(view: View[Rest]) -> View[Rest]:
    """A page for somebody signed in. What a verb refuses because of who asks becomes 404 or 403, and nothing is cached.

    A list that asks again by itself after the session has ended takes the whole page to the sign-in.
    """

    @wraps(view)
    def inner(request: HttpRequest, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            to_sign_in = redirect_to_login(request.path)
            if "HTTP_X_HANDRAIL_BACKGROUND" in request.META:
                return HttpResponse(status=401, headers={"HX-Redirect": to_sign_in.url, "Cache-Control": "no-store"})
            return to_sign_in
        try:
            with translation.override("en"):  # staff pages are written in English alone, whatever the browser asks for
                response = view(request, *args, **kwargs)
        except NotVisibleError as error:
            raise Http404(error.message) from error
        except NotAllowedError as error:
            raise PermissionDenied(error.message) from error
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return inner  # type: ignore[return-value]


def changes(back: str, *names: str) -> Callable[[View[Rest]], View[Rest]]:
    """An address that only takes what is sent. Asked for like a page (after a sign-in, or a reload), it did nothing and says so.

    Args:
        back: the name of the page to go back to.
        names: the parts of this address that the page's own address has too.
    """

    def around(view: View[Rest]) -> View[Rest]:
        @wraps(view)
        def inner(request: HttpRequest, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponse:
            if request.method == "GET":
                messages.warning(request, "Nothing was done: please press the button once more.")
                return redirect(reverse(back, kwargs={name: kwargs[name] for name in names}))
            return require_POST(view)(request, *args, **kwargs)

        return inner  # type: ignore[return-value]

    return around


def signed_in(request: HttpRequest) -> User:
    """The signed-in person (staff pages require one)."""
    assert isinstance(request.user, User)
    return request.user


def looks(request: HttpRequest) -> None:
    """This page shows the person whatever is new: while it is open, in front, they can be reached on the screen."""
    if HIDDEN not in request.META:
        note_look(signed_in(request))


def course_for(request: HttpRequest, course_id: UUID, verb: str = "view_course") -> Course:
    """The course, for somebody who reaches it and may do the verb.

    Raises:
        Http404: no such course for this person; PermissionDenied: the role may not.
    """
    person, now = signed_in(request), clock.now()
    related = ("patient", "site", "organisation")
    course = courses_of(person, now).select_related(*related).filter(pk=course_id).first()
    if course is None:
        raise Http404("There is no such course.")
    if not permissions.may(person, verb, course, now):
        raise PermissionDenied("Your role does not allow that here.")
    return course
