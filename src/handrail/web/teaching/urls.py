"""The addresses of the training desks, under `programme/`."""

from django.urls import path

from handrail.web.teaching import views_drills, views_modules

urlpatterns = [
    path("modules/", views_modules.modules, name="modules"),
    path("modules/<uuid:organisation_id>/sign", views_modules.sign, name="sign_document"),
    path("modules/records/<uuid:record_id>/back", views_modules.take_back, name="take_back_record"),
    path("drills/", views_drills.drills, name="drills"),
    path("drills/<uuid:drill_id>/back", views_drills.take_back, name="take_back_drill"),
]
