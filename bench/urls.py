"""The portal's doors and, beside them, the reference pages it is compared with."""

from django.urls import include, path

from bench import views

urlpatterns = [
    path("", include("portal.urls")),
    path("bench/nothing/", views.nothing),
    path("bench/form/", views.form),
]
