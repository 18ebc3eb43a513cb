"""The administration: who may see and do what with accounts, lists and log (R47–R50). Every change is a verb's."""

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.models import Group

from accounts.admin import (
    audit,
    credentials,
    devices,
    index,
    own_password,
    queued_mail,
    registration_tokens,
    remembered,
    rules,
    switches,
    tokens,
    users,
)

__all__ = [
    "audit",
    "credentials",
    "devices",
    "index",
    "own_password",
    "queued_mail",
    "registration_tokens",
    "remembered",
    "rules",
    "switches",
    "tokens",
    "users",
]

# Of the libraries' tables none is edited by hand: addresses are shown with their account, groups have no use here.
for _model in (EmailAddress, EmailConfirmation, Authenticator, Group):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)

admin.site.index_template = "admin/accounts/index.html"
admin.site.extra_urls = lambda: [*own_password.urls(), *remembered.urls(), *index.urls()]  # type: ignore[attr-defined]  # unfold asks the site for it
