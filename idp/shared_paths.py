"""Paths with two owners: the method decides whose a request is (one-origin.md §1)."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.views import APIView

from idp import views

View = Callable[..., HttpResponseBase]


def by_method(method: str, owner: type[APIView]) -> View:
    """A view of the owner for this method and preflights; every other method finds nothing here."""
    owned = owner.as_view()

    def view(request: HttpRequest, *arguments: Any, **names: Any) -> HttpResponseBase:
        if request.method in {method, "OPTIONS"}:
            return owned(request, *arguments, **names)
        return views.unknown_path(request)

    view.cls, view.initkwargs = owner, {}  # type: ignore[attr-defined]  # what OpenAPI looks at
    return view
