"""The e-mail addresses of an account, with the links that confirm, remove and add one."""

from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.urls import reverse
from django.utils.html import format_html_join

from accounts.admin import shown
from accounts.models import User


def table(user: User) -> dict[str, Any]:
    """Confirmed ones and those that wait for it, the primary one first."""
    addresses = EmailAddress.objects.filter(user=user).select_related("record").order_by("-primary", "email")
    rows = [
        (
            shown.text(row.email, 254),
            f"{'confirmed' if row.verified else 'not confirmed'}{', primary' if row.primary else ''}",
            shown.moment(_noted(row, "added_at")),
            shown.moment(_noted(row, "validated_at")),
            _links(user, row),
        )
        for row in addresses
    ]
    section = {
        "title": "E-mail addresses",
        "table": shown.table(("Address", "State", "Added", "Confirmed", "Change"), rows),
    }
    return section if user.deactivated_at else section | {"more": (_page(user, "add_address"), "Add an e-mail address")}


def _noted(row: Any, field: str) -> datetime | None:
    """A moment of the record; older rows have none."""
    found: datetime | None = getattr(getattr(row, "record", None), field, None)
    return found


def _links(user: User, row: Any) -> str:
    verbs = (
        [("remove_address", "Remove")]
        if row.verified
        else [("confirm_address", "Confirm"), ("remove_address", "Remove")]
    )
    links = [
        shown.anchor(f"{_page(user, name)}?address={row.pk}", label, says=f"{label} {row.email}")
        for name, label in verbs
    ]
    return format_html_join(" · ", "{}", ((link,) for link in links))


def _page(user: User, name: str) -> str:
    return reverse(f"admin:accounts_user_{name}", args=[user.pk])
