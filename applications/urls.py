"""Doors of applications."""

from django.urls import path

from applications.views import (
    after_award,
    amending,
    applicant,
    award,
    contact,
    figures,
    files,
    late,
    members,
    obligations,
    paper,
    papers,
    people,
    requests,
    starting,
    statements,
)

app_name = "applications"

urlpatterns = [
    path("programs/<slug:slug>/apply/", starting.start, name="start"),
    path("programs/<slug:slug>/figures/", figures.figures, name="figures"),
    path("applications/", applicant.mine, name="mine"),
    path("applications/<uuid:public_id>/", applicant.status, name="status"),
    path("applications/<uuid:public_id>/send/", applicant.review_and_send, name="review_and_send"),
    path("applications/<uuid:public_id>/withdraw/", applicant.withdraw, name="withdraw"),
    path("applications/<uuid:public_id>/again/", starting.again, name="again"),
    path("applications/<uuid:public_id>/send-late/", late.send, name="send_late"),
    path("applications/<uuid:public_id>/use-new-form/", starting.use_new_form, name="use_new_form"),
    path("applications/<uuid:public_id>/people/", people.people, name="people"),
    path("applications/<uuid:public_id>/preview/", paper.preview, name="preview"),
    path("applications/<uuid:public_id>/print/", paper.printed, name="printed"),
    path("applications/<uuid:public_id>/application.pdf", paper.pdf, name="pdf"),
    path("invitations/<str:token>/", people.invitation, name="invitation"),
    path("programs/<slug:slug>/requests/<slug:key>/", requests.fill_in, name="request_form"),
    path("requests/<uuid:public_id>/", requests.status, name="request"),
    path("requests/<uuid:public_id>/withdraw/", requests.withdraw, name="withdraw_request"),
    path("contact/", contact.contact, name="contact"),
    path("applications/<uuid:public_id>/award/", award.award, name="award"),
    path("applications/<uuid:public_id>/award/decline/", after_award.decline, name="decline_award"),
    path("applications/<uuid:public_id>/award/where/", after_award.claim, name="claim"),
    path("applications/<uuid:public_id>/more-credit/", after_award.top_up, name="top_up"),
    path("more-credit/<uuid:public_id>/withdraw/", after_award.withdraw_top_up, name="withdraw_top_up"),
    path("applications/<uuid:public_id>/members/", members.members, name="members"),
    path("credits/<uuid:uuid>/members/", members.members_of, name="members_of"),
    path("credits/invitations/<str:token>/", members.invitation, name="member_invitation"),
    path("applications/<uuid:public_id>/obligations/", obligations.page, name="obligations"),
    path(
        "applications/<uuid:public_id>/obligations/autosave/", obligations.autosave, name="summary_autosave"
    ),
    path("credits/<uuid:uuid>/obligations/", obligations.of_grant, name="obligations_of"),
    path("applications/<uuid:public_id>/papers/new/", papers.new, name="paper_new"),
    path("papers/<uuid:public_id>/", papers.paper, name="paper"),
    path("applications/<uuid:public_id>/amend/", amending.amend, name="amend"),
    path("credits/<uuid:uuid>/statement.pdf", statements.pdf, name="statement_pdf"),
    path("credits/<uuid:uuid>/award/", amending.award_of, name="award_of"),
    path("applications/<uuid:public_id>/files/<slug:key>/", files.attach, name="attach"),
    path("applications/files/<uuid:public_id>/", files.file, name="file"),
    path("applications/files/<uuid:public_id>/remove/", files.detach, name="detach"),
    path("institutions/", files.found_institutions, name="institutions"),
    path("applications/<uuid:public_id>/form/<slug:key>/", applicant.section, name="section"),
    path("applications/<uuid:public_id>/form/<slug:key>/autosave/", applicant.autosave, name="autosave"),
]
