"""Where a page leads on to: only to a path of this site (R53)."""

from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

_LONGEST = 6000  # characters; with what is beside it a URL of 8 KiB


def next_path(request: HttpRequest, default: str = "") -> str:
    """The `next` of the form or the query if it may be followed, else the default."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    return wanted if _is_ours(wanted) else default


def with_next(path: str, wanted: str) -> str:
    """The path with `next` in its query; without when there is nothing to come back to."""
    return f"{path}?{urlencode({'next': wanted})}" if _is_ours(wanted) else path


def _is_ours(wanted: str) -> bool:
    """Browsers read backslashes as slashes, and drop tabs and line ends: such paths are nobody's."""
    if not wanted.startswith("/") or wanted.startswith("//") or "\\" in wanted:
        return False
    if len(wanted) > _LONGEST or not wanted.isascii() or not wanted.isprintable():
        return False
    return url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
