"""The addresses of the REMS desk, under /programme/rems/."""

from django.urls import path

from handrail.web.rems import binder, papers, views

urlpatterns = [
    path("", views.matrix, name="rems"),
    path("desk/", views.desk, name="rems_desk"),
    path("papers/", papers.papers, name="rems_papers"),
    path("papers/<uuid:record_id>/end", papers.end, name="rems_end_paper"),
    path("modes/", papers.modes, name="rems_modes"),
    path("remind", papers.send_reminder, name="rems_remind"),
    path("sites/<uuid:site_id>/<slug:product>/", views.set_up, name="rems_setup"),
    path("binder/", binder.binder_page, name="rems_binder"),
    path("binder/file", binder.binder_file, name="rems_binder_file"),
]
