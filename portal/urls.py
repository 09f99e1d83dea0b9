"""The roof: every door of the site."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from portal import demo, views

# Above admin.site.urls: the staff side signs in through allauth, so its rate limits and codes hold there too.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", include("programs.urls")),
    path("", include("applications.urls")),
    path("", include("credits.urls")),
    path("home/", views.home, name="home"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("livez", views.livez, name="livez"),
    path("readyz", views.readyz, name="readyz"),
    path("favicon.ico", views.favicon, name="favicon"),
]

if demo.is_on():
    urlpatterns.append(path("demo/", include(demo)))
