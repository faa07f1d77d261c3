"""The addresses of the desk of the referrals, under /programme/referrals/."""

from django.urls import path

from handrail.web.referrals import views
from handrail.web.views_looks import referral_looks

urlpatterns = [
    path("", views.referrals, name="referrals"),
    path("door", views.door, name="referral_door"),
    path("new", views.type_in_one, name="type_in_referral"),
    path("<uuid:referral_id>/", views.referral, name="referral"),
    path("<uuid:referral_id>/looks", referral_looks, name="referral_looks"),
    path("<uuid:referral_id>/letter", views.letter, name="referral_letter"),
    path("<uuid:referral_id>/do/<slug:what>", views.step, name="referral_step"),
]
