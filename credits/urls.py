"""Doors of credits."""

from django.urls import path

from credits import api, views

app_name = "credits"

urlpatterns = [
    path("provider/events/", api.provider_events, name="provider_events"),
    path("credits/", views.mine, name="mine"),
    path("credits/<uuid:uuid>/", views.grant, name="grant"),
    path("credits/<uuid:uuid>/organization/", views.organization, name="organization"),
    path("credits/<uuid:uuid>/statement.csv", views.statement_csv, name="statement"),
]
