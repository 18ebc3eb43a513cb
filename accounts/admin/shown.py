"""Values on pages: text of strangers is escaped, kept from turning its surroundings around, and cut (R53)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.decorators import display

from accounts import names
from accounts.models import AccessRule, Device, User

LONGEST = 80
NOTHING = "–"
_METHODS = {
    "pwd": "password",
    "hwk": "key",
    "otp": "e-mail code",
    "mfa": "second factor",
    "mlt": "login token",
    "rmb": "remembered login",
}


def text(value: object, length: int = LONGEST) -> SafeString | str:
    """Text somebody else chose; the whole of it, if cut, is the title."""
    whole = "" if value is None else str(value)
    if not whole:
        return NOTHING
    return format_html('<bdi title="{}">{}</bdi>', whole, Truncator(whole).chars(length))


def code(value: object) -> SafeString | str:
    """A key, fingerprint or id: the ends of it, the whole as title."""
    whole = "" if value is None else str(value)
    if not whole:
        return NOTHING
    cut = whole if len(whole) <= 24 else f"{whole[:10]}…{whole[-8:]}"
    return format_html('<bdi class="code short" title="{}">{}</bdi>', whole, cut)


def whole_code(value: object) -> SafeString | str:
    """A key, fingerprint or id from end to end."""
    return format_html('<bdi class="code">{}</bdi>', value) if value else NOTHING


def methods(amr: str) -> SafeString | str:
    """By which means somebody signed in, in words."""
    return text(", ".join(_METHODS.get(method, method) for method in amr.split()))


def moment(value: datetime | None) -> str:
    """A moment in the time zone of the installation, which is UTC."""
    return date_format(timezone.localtime(value), "Y-m-d H:i") if value else NOTHING


def moment_column(field: str, title: str) -> Callable[[Any, Model], str]:
    """A column of moments, all of one form."""

    def column(admin: Any, row: Model) -> SafeString:
        return format_html('<span class="moment">{}</span>', moment(getattr(row, field)))

    result: Callable[[Any, Model], str] = display(description=title, ordering=field)(column)
    return result


def change_url(row: Model) -> str:
    """The page of a row."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def link(row: Model | None, label: Any = None) -> SafeString | str:
    """A link to the page of a row."""
    if row is None:
        return NOTHING
    return anchor(change_url(row), label if isinstance(label, SafeString) else text(label or row))


def anchor(url: str, label: Any, *, says: str = "") -> SafeString:
    """A link; `says` is for those who hear it without what stands around it."""
    spoken = format_html(' aria-label="{}"', says) if says else ""
    return format_html('<a class="text-primary-600 dark:text-primary-500" href="{}"{}>{}</a>', url, spoken, label)


def name(username: str) -> SafeString | str:
    """The name of an account; of one named by its key the ends of it."""
    return code(username) if names.is_key_name(username) else text(username)


def field(rule: AccessRule) -> str:
    """What a rule looks at, without the advice that its form gives."""
    shortened = rule.get_field_display().split(" (")[0].split(",")[0]
    return f"{shortened[:1].upper()}{shortened[1:]}"


def account(user: User) -> SafeString | str:
    """A link to an account; one named by its key shows the ends of it."""
    return link(user, name(user.username))


def device(found: Device | None) -> SafeString | str:
    """A link to a device, by its name or the ends of its id."""
    if found is None:
        return NOTHING
    return link(found, found.display_name or code(found.device_id))


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
    """What unfold's table component takes."""
    return {
        "headers": list(headers),
        "rows": [[NOTHING if cell is None or cell == "" else cell for cell in row] for row in rows],
    }


def block(value: str) -> SafeString:
    """Text of several lines, as it stands."""
    return format_html('<div class="facts">{}</div>', value)


def counted(numbers: Iterable[tuple[str, int]]) -> SafeString | str:
    """Names with their numbers, one a line."""
    lines = format_html_join("", "<li>{}: {}</li>", ((text(name), number) for name, number in numbers))
    return format_html('<ul class="counted">{}</ul>', lines) if lines else NOTHING


def with_rest(counts: Mapping[str, int], rest: str) -> list[tuple[str, int]]:
    """The named counts, the most first, and at the end those without a name under this one."""
    named = sorted(((name, number) for name, number in counts.items() if name), key=lambda item: -item[1])
    return [*named, *([(rest, counts[""])] if counts.get("") else [])]
