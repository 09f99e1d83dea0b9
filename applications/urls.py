"""Doors of applications."""

from django.urls import path

from applications.views import applicant, award

app_name = "applications"

urlpatterns = [
    path("programs/<slug:slug>/apply/", applicant.start, name="start"),
    path("applications/", applicant.mine, name="mine"),
    path("applications/<uuid:public_id>/", applicant.status, name="status"),
    path("applications/<uuid:public_id>/send/", applicant.review_and_send, name="review_and_send"),
    path("applications/<uuid:public_id>/withdraw/", applicant.withdraw, name="withdraw"),
    path("applications/<uuid:public_id>/again/", applicant.again, name="again"),
    path("applications/<uuid:public_id>/award/", award.award, name="award"),
    path("applications/<uuid:public_id>/form/<slug:key>/", applicant.section, name="section"),
    path("applications/<uuid:public_id>/form/<slug:key>/autosave/", applicant.autosave, name="autosave"),
]
