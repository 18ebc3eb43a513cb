"""What the base template of all pages knows (a context processor)."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def page(request: HttpRequest) -> dict[str, Any]:
    """The site's name, and who is signed in where a view asked for it."""
    return {"site": settings.PUBLIC_HOST, "browser": request.__dict__.get("browser")}
