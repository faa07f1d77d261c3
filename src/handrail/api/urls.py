"""The addresses of the API."""

from django.urls import path

from handrail.api import checkins, phone

urlpatterns = [
    path("api/checkins", checkins.receive_one, name="api_checkins"),
    path("api/phone/receipts/<uuid:row_id>", phone.receipt, name="phone_receipt"),
    path("api/phone/texts", phone.text, name="phone_text"),
    path("api/phone/answers/<uuid:page_id>", phone.answer, name="phone_answer"),
]
