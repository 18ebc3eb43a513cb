"""The sessions of an account: one row a login, whatever the number of its tokens."""

from typing import Any

from django.db.models import Count, Max, Min, Q
from django.db.models.functions import Coalesce
from django.urls import reverse

from accounts import tokens
from accounts.admin import shown
from accounts.models import Token, User

_MOST = 50


def table(user: User) -> dict[str, Any]:
    """The newest first, each linked to its live tokens."""
    logins = {login["newest"]: login for login in _logins(user)}
    newest = Token.objects.filter(pk__in=logins).select_related("device").defer("digest").order_by("-pk")
    rows = [_row(token, logins[token.pk]) for token in newest]
    headers = ("Door", "Device", "Opened by", "Since", "Last used", "Ends")
    section = {"title": "Sessions", "table": shown.table(headers, rows)}
    url = f"{reverse('admin:accounts_token_changelist')}?user__id__exact={user.pk}"
    return section | ({"more": (url, "Live tokens of this account in a list")} if rows else {})


def _logins(user: User) -> Any:
    """A login is a family of tokens; a spent refresh token keeps none alive."""
    spent = Q(kind=Token.Kind.REFRESH, used_at__isnull=False)
    living = tokens.live().filter(user=user).exclude(activated_at=None).exclude(spent)
    families = living.order_by().values("family")
    return families.annotate(
        newest=Max("pk"),
        since=Min("issued_at"),
        last_used=Max("last_used_at"),
        ends=Max(Coalesce("expires_at", "idle_until")),
        endless=Count("pk", filter=Q(expires_at=None, idle_until=None)),
    ).order_by("-newest")[:_MOST]


def _row(token: Token, login: dict[str, Any]) -> tuple[Any, ...]:
    url = f"{reverse('admin:accounts_token_changelist')}?family__exact={token.family}"
    return (
        shown.anchor(url, token.get_flow_display()),
        shown.device(token.device),
        shown.code(token.credential) if token.credential else shown.methods(token.amr),
        shown.moment(login["since"]),
        shown.moment(login["last_used"]),
        "never" if login["endless"] else shown.moment(login["ends"]),
    )
