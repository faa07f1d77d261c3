"""The addresses of the figures, under /programme/figures/."""

from django.urls import path

from handrail.web.figures import views

urlpatterns = [
    path("", views.figures, name="figures"),
    path("figures.csv", views.figures_csv, name="figures_csv"),
]
