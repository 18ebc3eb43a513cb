"""Accounts: the list, the page of one account with all that belongs to it, and making a new one."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import display

from accounts import names, users
from accounts.admin import account_filters, account_tables, shown
from accounts.admin.account_forms import AddAccount
from accounts.admin.address_actions import AddressActions
from accounts.admin.base import administrator
from accounts.models import User

STATE_COLOURS = {"Active": "success", "Suspended": "warning", "Locked": "danger", "Deactivated": "default"}


@admin.register(User)
class UserAdmin(AddressActions):
    """Accounts of people and of keys."""

    can_add = True
    list_display = ("name", "shown_name", "shown_state", "kind", "opened_by", "seen_column", "role")
    list_filter = (account_filters.StateFilter, account_filters.KindFilter, "is_staff")
    search_fields = ("username",)
    search_help_text = "Name, key, fingerprint or e-mail address"
    ordering = ("-pk",)
    seen_column = shown.moment_column("last_seen", "Last seen")
    created_column = shown.moment_column("created_at", "Made")
    renamed_column = shown.moment_column("renamed_at", "Renamed")
    change_form_outer_after_template = "admin/accounts/account_tables.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "whole_name",
                    "shown_name",
                    "shown_state",
                    "kind",
                    "whole_role",
                    "opened_by",
                    "seen_column",
                    "created_column",
                    "renamed_column",
                    "subject_id",
                )
            },
        ),
    )
    add_fieldsets: ClassVar[Any] = (
        (
            None,
            {
                "fields": (
                    "username",
                    "display_name",
                    "email",
                    "password",
                    "must_change_password",
                    "administrator",
                    "own_password",
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """With the figures of the list."""
        return account_filters.with_figures(super().get_queryset(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        """By anything an administrator may have at hand."""
        return account_filters.search(queryset, search_term), False

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Adding has a form of its own; there is nothing to edit in an account."""
        form = type("AddAccount", (AddAccount,), {"request": request})
        return super().get_form(request, obj, change, **({"form": form} if obj is None else {}), **kwargs)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Makes the account by its verb."""
        facts = form.cleaned_data
        made = users.create(
            facts["username"],
            password=facts["password"],
            email=facts["email"],
            display_name=facts["display_name"],
            administrator=facts["administrator"],
            by_administrator=True,
            must_change_password=facts["must_change_password"],
            actor=administrator(request),
        )
        obj.pk = made.pk
        obj.refresh_from_db()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The facts, and the tables of what belongs to the account."""
        user = self.get_object(request, object_id)
        tables = account_tables.of(user) if user else []
        answer: HttpResponse = super().change_view(
            request, object_id, form_url, {**(extra_context or {}), "account_tables": tables}
        )
        return answer

    @display(description="Name", ordering="username")
    def name(self, user: User) -> str:
        """The name, or the ends of the key that is the name."""
        return shown.name(user.username)

    @display(description="Name")
    def whole_name(self, user: User) -> str:
        """The name from end to end."""
        return shown.whole_code(user.username) if names.is_key_name(user.username) else shown.text(user.username, 255)

    @display(description="Display name", ordering="display_name")
    def shown_name(self, user: User) -> str:
        """What others see."""
        return shown.text(user.display_name)

    @display(description="State", label=STATE_COLOURS)
    def shown_state(self, user: User) -> str:
        """The gravest of what was done to it."""
        return str(user.state.label)

    @display(description="Kind")
    def kind(self, user: User) -> str:
        """A person, or a key that logged in."""
        return "Key" if names.is_key_name(user.username) else "Person"

    @display(description="Role", ordering="is_staff", label={"Administrator": "info"})
    def role(self, user: User) -> str:
        """Whether it may use these pages."""
        return "Administrator" if user.is_staff else ""

    @display(description="Role")
    def whole_role(self, user: User) -> str:
        """The same on the page."""
        return self.role(user) or shown.NOTHING

    @display(description="Opened by")
    def opened_by(self, user: User) -> str:
        """How many credentials there are, by kind."""
        parts = [
            "password" if user.has_usable_password() else "",
            _of(user.x25519_count, "Session key"),  # type: ignore[attr-defined]  # annotated in get_queryset
            _of(user.openpgp_count, "OpenPGP key"),  # type: ignore[attr-defined]
            _of(user.email_count, "address"),  # type: ignore[attr-defined]
        ]
        return ", ".join(part for part in parts if part) or "nothing"

    @display(description="OAuth subject")
    def subject_id(self, user: User) -> str:
        """`sub` of OAuth: random, never reused."""
        return shown.whole_code(user.sub)


def _of(number: int, noun: str) -> str:
    if not number:
        return ""
    return noun if number == 1 else f"{number} {noun}{'es' if noun.endswith('s') else 's'}"
