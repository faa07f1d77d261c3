"""The addresses: the doors of Handrail, and the parts of allauth that are in use."""

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path
from django.utils.module_loading import module_has_submodule


def closed(request: HttpRequest, **parts: str) -> HttpResponse:  # noqa: ARG001
    """Addresses of allauth that are not in use: nobody signs up, and the organisation enters the addresses."""
    raise Http404


def _door(name: str) -> list[object]:
    """The addresses of a door."""
    from importlib import import_module

    package = import_module(f"handrail.{name}")
    return [path("", include(f"handrail.{name}.urls"))] if module_has_submodule(package, "urls") else []


urlpatterns = [
    path("accounts/signup/", closed),
    path("accounts/signup/passkey/", closed),
    path("accounts/email/", closed),
    path("accounts/confirm-email/", closed),
    path("accounts/confirm-email/<str:key>/", closed),
    path("accounts/", include("allauth.urls")),
    *_door("web"),
    *_door("api"),
    *_door("fhir"),
]

handler404 = "handrail.config.refusals.not_found"
handler500 = "handrail.config.refusals.failed"
