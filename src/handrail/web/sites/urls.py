"""The addresses of the desk, under /programme/sites/."""

from django.urls import path

from handrail.web.capacity import views as capacity_views
from handrail.web.sites import profile, views

urlpatterns = [
    path("", views.sites, name="sites"),
    path("waiting/", capacity_views.waiting, name="waiting"),
    path("waiting.csv", capacity_views.waiting_csv, name="waiting_csv"),
    path("<uuid:site_id>/capacity/", capacity_views.site_capacity, name="site_capacity"),
    path("<uuid:site_id>/profile/", profile.profile_page, name="site_profile"),
    path("<uuid:site_id>/profile/profile.csv", profile.profile_sheet, name="site_profile_csv"),
    path("<uuid:site_id>/profile/<slug:paper>.pdf", profile.profile_pdf, name="site_profile_pdf"),
    path("<uuid:site_id>/<slug:product>/", views.site_product, name="site_product"),
]
