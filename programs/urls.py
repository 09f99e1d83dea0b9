"""Doors of programs."""

from django.urls import path

from programs import views

app_name = "programs"

urlpatterns = [
    path("", views.directory, name="directory"),
    path("which-door/", views.front_door, name="router"),
    path("programs/<slug:slug>/", views.program, name="program"),
    path("programs/<slug:slug>/calendar.ics", views.calendar, name="calendar"),
    path("questions/", views.questions, name="questions"),
    path("who-sees-your-data/", views.data_use, name="data_use"),
    path("accessibility/", views.accessibility, name="accessibility"),
]
