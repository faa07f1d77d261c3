"""The addresses of the desk, under /programme/people/."""

from django.urls import path

from handrail.web.people import views

urlpatterns = [
    path("", views.people, name="people"),
    path("<uuid:organisation_id>/<slug:key>", views.write, name="write_people"),
    path("sites/<uuid:site_id>/number", views.site_number, name="site_number"),
    path("roles/<uuid:membership_id>/end", views.end_a_role, name="end_role"),
    path("<uuid:organisation_id>/invite/<uuid:user_id>", views.invite, name="invite_person"),
]
