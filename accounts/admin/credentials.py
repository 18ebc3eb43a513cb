"""Keys that open accounts. They are proved by their bearers, so they are only shown and removed here."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from accounts import credentials
from accounts.admin import shown
from accounts.admin.base import HouseAdmin, administrator
from accounts.models import X25519Key


class KeyAdmin(HouseAdmin):
    """What both kinds of keys share."""

    can_delete = True
    list_select_related = ("user",)
    ordering = ("-pk",)
    added_column = shown.moment_column("created_at", "Added")
    used_column = shown.moment_column("last_used_at", "Last used")

    @display(description="Account", ordering="user__username")
    def account(self, key: Any) -> str:
        """The account it opens."""
        return shown.account(key.user)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """What the question names: the key, and what happens to what it opened."""
        lines = [f"{key} of {key.user}: every token it opened ends" for key in objs]
        return lines, {str(self.opts.verbose_name): len(lines)}, set(), []


@admin.register(X25519Key)
class X25519KeyAdmin(KeyAdmin):
    """Session identities."""

    list_display = ("key", "account", "added_column", "used_column")
    search_fields = ("public_key", "user__username")
    search_help_text = "Key or account"
    fields = ("whole_key", "account", "added_column", "used_column")

    def get_queryset(self, request: HttpRequest) -> QuerySet[X25519Key]:
        """With their accounts."""
        queryset: QuerySet[X25519Key] = super().get_queryset(request)
        return queryset.select_related("user")

    def delete_model(self, request: HttpRequest, obj: X25519Key) -> None:
        """By the verb, which refuses the last credential."""
        credentials.remove_x25519_key(obj.user, obj.public_key, actor=administrator(request))

    @display(description="Key", ordering="public_key")
    def key(self, key: X25519Key) -> str:
        """The ends of it."""
        return shown.code(key.public_key)

    @display(description="Key")
    def whole_key(self, key: X25519Key) -> str:
        """From end to end."""
        return shown.whole_code(key.public_key)
