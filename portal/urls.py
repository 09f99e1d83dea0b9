"""The roof: every door of the site."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from portal import demo, views
from portal.api import api

# Above admin.site.urls: the staff side signs in through allauth, so its rate limits and codes hold there too.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", include("programs.urls")),
    path("", include("applications.urls")),
    path("", include("credits.urls")),
    path("language/", views.set_language, name="set_language"),
    path("home/", views.home, name="home"),
    path("accounts/", include("allauth.urls")),
    path("account/api-tokens/", views.api_tokens, name="api_tokens"),
    path("account/api-tokens/<uuid:public_id>/revoke/", views.revoke_api_token, name="api_token_revoke"),
    path("api/v1/docs", views.api_docs, name="api_docs"),
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
    path("livez", views.livez, name="livez"),
    path("readyz", views.readyz, name="readyz"),
    path("favicon.ico", views.favicon, name="favicon"),
]

if demo.is_on():
    urlpatterns.append(path("demo/", include(demo)))
