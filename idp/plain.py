"""Answers of the paths that belong to no door: `/healthz`, `/readyz`, `/metrics` (operations.md §4)."""

from collections.abc import Mapping

import orjson

from accounts.wire import Answer

HEADERS = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))


def json(status: int, body: Mapping[str, object], *, retry_after: int | None = None) -> Answer:
    """A JSON answer that nobody keeps."""
    more = (("Retry-After", str(retry_after)),) if retry_after is not None else ()
    return Answer(status, orjson.dumps(body), (("Content-Type", "application/json"), *HEADERS, *more))


def not_allowed() -> Answer:
    """405 for what is neither GET nor HEAD."""
    answer = json(405, {"status": "method not allowed"})
    return Answer(405, answer.body, (*answer.headers, ("Allow", "GET, HEAD")))
