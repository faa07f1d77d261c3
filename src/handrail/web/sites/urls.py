"""The addresses of the desk, under /programme/sites/."""

from django.urls import path

from handrail.web.sites import views

urlpatterns = [
    path("", views.sites, name="sites"),
    path("<uuid:site_id>/<slug:product>/", views.site_product, name="site_product"),
]
