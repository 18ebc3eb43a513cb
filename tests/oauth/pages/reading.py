"""What is looked at on every page."""

import re
from urllib.parse import parse_qs, urlsplit

from tests.asgi_client import Response
from tests.pages.visitor import Visitor


def is_page(answer: Response, status: int = 200) -> str:
    """R52 and the house's own rules for pages."""
    assert answer.status == status, (answer.status, answer.text)
    assert answer.header("content-type") == "text/html; charset=utf-8"
    assert answer.header("cache-control") == "no-store"
    assert answer.header("x-frame-options") == "DENY"
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("referrer-policy") == "same-origin"
    assert answer.header("cross-origin-opener-policy") == "same-origin"
    assert answer.header("access-control-allow-origin") is None
    policy = answer.header("content-security-policy") or ""
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|<[^>]*\s(?:on\w+|style)=|<style|<[^>]*javascript:", answer.text)
    assert not re.search(r"""(?:src|href)="(?:https?:)?//""", answer.text)
    for name, value in answer.headers:
        if name == "set-cookie":
            assert "HttpOnly" in value
            assert "SameSite=Lax" in value
    return answer.text


def form_action(answer: Response) -> str:
    policy = answer.header("content-security-policy") or ""
    found = re.search(r"form-action ([^;]*)", policy)
    assert found
    return found[1]


def asked(visitor: Visitor, link: str) -> Response:
    """Follows an authorization request as far as this site goes."""
    visitor.get(link)
    for _ in range(5):
        if not visitor.leads.startswith("/"):
            break
        visitor.follow()
    return visitor.page


def decided(visitor: Visitor, path: str, decision: str) -> Response:
    return visitor.post(path, {"decision": decision})


def here(visitor: Visitor, link: str) -> str:
    """The path of the question that a request leads to."""
    visitor.get(link)
    assert visitor.leads.startswith("/authorize/"), visitor.page.text
    path = visitor.leads
    visitor.follow()
    return path


def carried(location: str) -> dict[str, str]:
    """The parameters that a redirect carries, in the query or behind the `#`."""
    parts = urlsplit(location)
    return {name: values[0] for name, values in parse_qs(parts.query or parts.fragment).items()}
