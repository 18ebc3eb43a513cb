"""Login and registration in a browser, and the pages that complete a stage (matrix.md §14)."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation.trans_real import parse_accept_lang_header

from accounts.http import client_address
from accounts.matrix import fallback
from accounts.matrix.views.base_pages import PageView, form, page, shown


class LoginPageView(PageView):
    """GET /_matrix/static/client/login/: the whole login. Its script speaks to the API as any client does."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """The form."""
        return page("login", is_open=settings.MATRIX_LEGACY_LOGIN)


class RegisterPageView(PageView):
    """GET /_matrix/static/client/register/: likewise the whole registration."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """The form."""
        least = settings.PASSWORD_MIN_LENGTH
        return page("register", is_open=settings.REGISTRATION != "closed", password_min_length=least)


class StageView(PageView):
    """GET and POST auth/{stage}/fallback/web."""

    def get(self, request: HttpRequest, stage: str) -> HttpResponse:
        """The form of the stage."""
        session = request.GET.get("session", "")
        return _stage(stage, session, fallback.begin(stage, session, languages=_languages(request)))

    def post(self, request: HttpRequest, stage: str) -> HttpResponse:
        """Completes the stage."""
        given = form(request)
        session = given.get("session") or request.GET.get("session", "")
        ip, languages = client_address(request), _languages(request)
        return _stage(stage, session, fallback.submit(stage, session, given, languages=languages, ip=ip))


def _stage(stage: str, session: str, outcome: fallback.Shown) -> HttpResponse:
    if outcome.is_done:
        return page("done")
    facts = {**outcome.facts, "session": session, "complaint": outcome.complaint}
    if "user_id" in facts:
        facts["user_id"] = shown(facts["user_id"])
    name = stage.removeprefix("m.login.").replace(".", "_")
    return page(f"stage_{name}", status=400 if outcome.complaint else 200, **facts)


def _languages(request: HttpRequest) -> list[str]:
    """What the reader reads, best first, lower-case: each tag, then its language alone."""
    tags = [tag for tag, _ in parse_accept_lang_header(request.META.get("HTTP_ACCEPT_LANGUAGE", ""))]
    return [one for tag in tags for one in (tag, tag.partition("-")[0])]
