"""The addresses of the emergency page, under /e/. Whatever stands behind it is answered in the same way."""

from django.urls import path

from handrail.web.emergency import views

urlpatterns = [
    path("", views.emergency, name="emergency"),
    path("call-back", views.call_back, name="emergency_call_back"),
    path("<path:key>", views.exchange, name="emergency_link"),
]
