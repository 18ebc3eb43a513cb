"""The administration: who may see and do what with accounts, lists and log (R47–R50). Every change is a verb's."""

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth.models import Group

from accounts.admin import (
    attacked_accounts,
    audit,
    credentials,
    deliveries,
    devices,
    exempt_networks,
    guessers,
    homeserver,
    index,
    openpgp_keys,
    own_password,
    queued_mail,
    registration_tokens,
    remembered,
    rules,
    second_factor,
    subscriptions,
    switches,
    tokens,
    turning,
    upstream,
    users,
)

__all__ = [
    "attacked_accounts",
    "audit",
    "credentials",
    "deliveries",
    "devices",
    "exempt_networks",
    "guessers",
    "homeserver",
    "index",
    "openpgp_keys",
    "own_password",
    "queued_mail",
    "registration_tokens",
    "remembered",
    "rules",
    "second_factor",
    "subscriptions",
    "switches",
    "tokens",
    "turning",
    "upstream",
    "users",
]

# Of the libraries' tables none is edited by hand: addresses are shown with their account, groups have no use here.
for _model in (EmailAddress, EmailConfirmation, Authenticator, Group, SocialAccount, SocialApp, SocialToken):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)

admin.site.index_template = "admin/accounts/index.html"
admin.site.extra_urls = lambda: [*own_password.urls(), *second_factor.urls(), *remembered.urls(), *index.urls()]  # type: ignore[attr-defined]  # unfold asks the site for it
