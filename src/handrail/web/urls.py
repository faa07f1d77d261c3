"""The addresses of the pages. Every one has a row in the table of the scope test."""

from django.urls import include, path

from handrail.web import (
    views_course,
    views_list,
    views_pages,
    views_protocols,
    views_reached,
    views_rota,
    views_signing,
)

urlpatterns = [
    path("", views_list.board, name="board"),
    path("healthz", views_list.health, name="health"),
    path("courses/", views_list.courses, name="courses"),
    path("rota/", views_rota.rota, name="rota"),
    path("rota/add", views_rota.add_shift, name="add_shift"),
    path("rota/<uuid:shift_id>/end", views_rota.end_shift, name="end_shift"),
    path("me/reached", views_reached.reached, name="reached"),
    path("me/reached/add", views_reached.add, name="add_point"),
    path("me/reached/<uuid:point_id>", views_reached.change, name="change_point"),
    path("protocols/", views_protocols.protocols, name="protocols"),
    path("protocols/policies/<slug:policy_id>/", views_protocols.policy, name="policy"),
    path("protocols/<path:key>/", views_protocols.protocol, name="protocol"),
    path("courses/<uuid:course_id>/", views_course.course, name="course"),
    path("courses/<uuid:course_id>/file", views_course.course_file, name="course_file"),
    path("courses/<uuid:course_id>/link", views_course.make_link, name="make_link"),
    path("courses/<uuid:course_id>/links/<uuid:link_id>/end", views_course.end_link, name="end_link"),
    path("courses/<uuid:course_id>/record/<slug:key>/", views_course.record, name="record"),
    path("courses/<uuid:course_id>/events/<uuid:event_id>/withdraw", views_course.withdraw, name="withdraw"),
    path("pages/", views_pages.pages, name="pages"),
    path("pages/find", views_pages.find, name="find_page"),
    path("pages/<uuid:alert_id>/", views_pages.page, name="page"),
    path("pages/<uuid:alert_id>/have", views_pages.have, name="have_page"),
    path("signing/", views_signing.signing, name="signing"),
    path("signing/start", views_signing.start_signing, name="start_signing"),
    path("signing/<uuid:set_id>/", views_signing.signing_set, name="signing_set"),
    path("signing/<uuid:set_id>/rows", views_signing.decide, name="decide_rows"),
    path("signing/<uuid:set_id>/sign", views_signing.sign_set, name="sign_set"),
    path("signing/<uuid:set_id>/file", views_signing.signing_file, name="signing_file"),
    path("courses/<uuid:course_id>/take-up", views_signing.take_up_set, name="take_up_set"),
    path("demo/fever", views_list.run_fever_night, name="demo_fever"),
    path("a/", include("handrail.web.answer.urls")),
    path("c/", include("handrail.web.checkin.urls")),
]
