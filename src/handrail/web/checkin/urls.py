"""The addresses of the check-in, under /c/."""

from django.urls.resolvers import URLPattern

urlpatterns: list[URLPattern] = []
