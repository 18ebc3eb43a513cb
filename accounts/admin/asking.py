"""The one page that asks before something happens: works without JavaScript, changes nothing until it is posted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest
from django.template.response import TemplateResponse

from accounts.admin.base import HouseAdmin

CONFIRMED = "_confirmed"
MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Question:
    """What is about to happen. `items` are the first of `total` things it happens to."""

    title: str
    button: str
    back: str
    text: Sequence[str] = ()
    warning: str = ""
    items: Sequence[Any] = ()
    total: int = 0
    hidden: Iterable[tuple[str, str]] = ()
    form: forms.Form | None = None
    grave: bool = False

    @property
    def more(self) -> int:
        """How many of the things are not shown."""
        return max(0, self.total - len(self.items))


def ask(admin: HouseAdmin, request: HttpRequest, question: Question) -> TemplateResponse:
    """The page with the question."""
    context = admin.page(request, question.title, question=question, confirmed=CONFIRMED)
    return TemplateResponse(request, "admin/accounts/ask.html", context)


def is_confirmed(request: HttpRequest) -> bool:
    """Whether the answer was yes."""
    return request.method == "POST" and CONFIRMED in request.POST


def chosen_rows(request: HttpRequest) -> list[tuple[str, str]]:
    """The hidden fields that choose the same rows of a list again; all rows of a filter are one field."""
    across = request.POST.get("select_across", "0")
    chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
    named = chosen[:1] if across == "1" else chosen
    return [
        ("action", request.POST.get("action", "")),
        ("select_across", across),
        *((ACTION_CHECKBOX_NAME, value) for value in named),
    ]
