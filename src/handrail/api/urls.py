"""The addresses of the API."""

from django.urls import path

from handrail.api import checkins

urlpatterns = [
    path("api/checkins", checkins.receive_one, name="api_checkins"),
]
