"""Finding accounts: by state, by kind, and by whatever of theirs an administrator has at hand."""

from typing import Any

from allauth.account.models import EmailAddress
from django.contrib import admin
from django.db.models import Count, IntegerField, Max, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from accounts.models import Device, OpenPGPKey, User, X25519Key

KEY_NAME = r"^05[0-9a-f]{64}$"  # names.is_key_name, for the database

_STATES = {
    User.State.ACTIVE: Q(deactivated_at=None, locked_at=None, suspended_at=None),
    User.State.SUSPENDED: Q(deactivated_at=None, locked_at=None, suspended_at__isnull=False),
    User.State.LOCKED: Q(deactivated_at=None, locked_at__isnull=False),
    User.State.DEACTIVATED: Q(deactivated_at__isnull=False),
}


class StateFilter(admin.SimpleListFilter):
    """The gravest of what was done to an account, as `User.state` says it."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The four states."""
        return [(state.value, state.label) for state in User.State]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        """The accounts in the chosen state."""
        value = self.value()
        return queryset.filter(_STATES[User.State(value)]) if value in User.State.values else queryset


class KindFilter(admin.SimpleListFilter):
    """A person's account, or one that a key made by logging in."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The two kinds."""
        return [("person", "Person"), ("key", "Key")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        """The accounts of the chosen kind."""
        match self.value():
            case "key":
                return queryset.filter(username__regex=KEY_NAME)
            case "person":
                return queryset.exclude(username__regex=KEY_NAME)
        return queryset


def search(queryset: QuerySet[User], term: str) -> QuerySet[User]:
    """Accounts by part of their name, display name, a key, a fingerprint or an e-mail address; each word must match."""
    for word in term.split():
        queryset = queryset.filter(
            Q(username__icontains=word)
            | Q(display_name__icontains=word)
            | Q(pk__in=X25519Key.objects.filter(public_key__icontains=word).values("user_id"))
            | Q(pk__in=OpenPGPKey.objects.filter(fingerprint__icontains=word).values("user_id"))
            | Q(pk__in=EmailAddress.objects.filter(email__icontains=word).values("user_id"))
        )
    return queryset


def with_figures(queryset: QuerySet[User]) -> QuerySet[User]:
    """Each account with the number of its keys and the moment it was last seen, without joining the three tables."""
    return queryset.annotate(
        x25519_count=_number(X25519Key),
        openpgp_count=_number(OpenPGPKey),
        email_count=_number(EmailAddress),
        last_seen=Subquery(
            Device.objects.filter(user=OuterRef("pk")).values("user").annotate(at=Max("last_seen_at")).values("at")
        ),
    )


def _number(model: Any) -> Coalesce:
    counted = model.objects.filter(user=OuterRef("pk")).order_by().values("user").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), Value(0))
