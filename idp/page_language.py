"""The language of people's pages: what the browser prefers of English and German. The administration is English."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers


class PageLanguageMiddleware:
    """Like Django's, but threads of the pool go back to English after each page: APIs speak nothing else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The page in the language of its reader."""
        if not request.path.startswith(("/account/", "/authorize", "/link")):
            return self.get_response(request)
        with translation.override(preferred(request)):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or settings.LANGUAGE_CODE)
        patch_vary_headers(response, ("Accept-Language",))
        return response


def preferred(request: HttpRequest) -> str:
    """The first language of `Accept-Language` that the pages speak."""
    return translation.get_language_from_request(request)
