"""How django-allauth signs people in here."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language

from portal.models import User


class AccountAdapter(DefaultAccountAdapter):
    def new_user(self, request: HttpRequest) -> User:
        """Letters come in the language in which the account was made."""
        user: User = super().new_user(request)
        user.language = get_language() or ""
        return user

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Staff land on their desk, everybody else on their applications."""
        return reverse("admin:index") if request.user.is_staff else reverse("home")
