"""Doors of credits."""

from django.urls import path

from credits import views

app_name = "credits"

urlpatterns = [
    path("credits/", views.mine, name="mine"),
    path("credits/<uuid:uuid>/", views.grant, name="grant"),
    path("credits/<uuid:uuid>/statement.csv", views.statement_csv, name="statement"),
]
