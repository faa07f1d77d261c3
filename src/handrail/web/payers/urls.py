"""The addresses of the access desk, under /programme/access/."""

from django.urls import path

from handrail.web.payers import papers, views

urlpatterns = [
    path("", views.queue, name="access"),
    path("prevention/", views.prevention, name="prevention"),
    path("cards/", papers.cards, name="payer_cards"),
    path("papers/<uuid:paper_id>/back", papers.take_back, name="paper_back"),
    path("requests/<uuid:request_id>/", views.request_page, name="payer_request"),
    path("requests/<uuid:request_id>/letter/<slug:paper>.pdf", views.letter, name="payer_letter"),
]
