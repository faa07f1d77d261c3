"""The addresses of the figures, under /programme/figures/."""

from django.urls import path

from handrail.web.figures import views

urlpatterns = [
    path("", views.figures, name="figures"),
    path("figures.csv", views.figures_csv, name="figures_csv"),
    path("access/", views.access, name="figures_access"),
    path("access.csv", views.access_csv, name="figures_access_csv"),
    path("used.csv", views.used_csv, name="figures_used_csv"),
]
