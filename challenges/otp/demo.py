"""GET /demo/otp/: the code door in a browser, to try and to copy from. Only with DEBUG or DEMO."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

# The script speaks to this origin alone: /ws/login/, /api/me and /api/token/refresh (one-origin.md §1, "Headers").
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The page, or the ordinary 404."""
    if not (settings.DEBUG or settings.DEMO):
        raise Http404
    answer = render(request, "otp/demo.html", {"mail_folder": _mail_folder()})
    answer.headers["Content-Security-Policy"] = _POLICY
    return answer


def _mail_folder() -> str:
    """Where mails are files, the folder; the code itself is never shown."""
    if settings.EMAIL_BACKEND != "accounts.mail_files.EmailBackend":
        return ""
    return str(getattr(settings, "EMAIL_FILE_PATH", "") or settings.VAR_DIR / "mail")
