"""The APIs in OpenAPI's terms: what drf-spectacular is told of views that parse and render by themselves.

The views themselves use none of this. Which paths there are, and whose, is the roof's knowledge (`idp/openapi.py`).
"""

import re
from functools import cache
from typing import Any

import orjson
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers

BEARER: Any = [{"bearer": []}]  # the security of a call that takes a token; drf-spectacular's own type is too narrow


class Me(serializers.Serializer):
    """Who bears a token."""

    user_id = serializers.IntegerField(help_text="The account's number, as Session shows it.")
    username = serializers.CharField(help_text="The account's one name.")
    display_name = serializers.CharField(allow_blank=True)
    emails = serializers.ListField(child=serializers.EmailField(), help_text="Confirmed ones, the primary one first.")
    flow = serializers.CharField(help_text="The door of the token: session, matrix, otp, openpgp or devicelogin.")
    amr = serializers.ListField(
        child=serializers.CharField(),
        help_text="How the session was opened, as in RFC 8176: pwd, otp, hwk; rmb is a remembered login.",
    )
    expires_at = serializers.DateTimeField(allow_null=True, help_text="null: without end.")


class OAuthError(serializers.Serializer):
    """RFC 6749 §5.2."""

    error = serializers.CharField()
    error_description = serializers.CharField()


class DoorSchema(AutoSchema):
    """How a door's view is listed when it says nothing more of itself: JSON in, JSON out, its docstring."""

    def get_operation_id(self) -> str:
        """The method and the path, in letters."""
        words = re.findall(r"[A-Za-z0-9]+", self.path)
        return "_".join([self.method.lower(), *words])

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular declares it, too
        """What the view says of itself, then the method."""
        method = getattr(self.view, self.method.lower(), None)
        found = [thing.__doc__ or "" for thing in (type(self.view), method) if thing is not None]
        return "\n\n".join(" ".join(text.split()) for text in found if text)

    def get_auth(self) -> list[dict[str, Any]]:
        """A Bearer where the call wants one; most views decide by themselves."""
        return [{"bearer": []}, {}]

    def get_request_serializer(self) -> Any:
        """A JSON object, for methods with a body."""
        return OpenApiTypes.OBJECT if self.method in {"POST", "PUT", "PATCH"} else None

    def get_response_serializers(self) -> Any:
        """A JSON object."""
        return OpenApiTypes.OBJECT


@cache
def schema() -> bytes:
    """The whole description as JSON; made once, a few tenths of a second."""
    generator: Any = SchemaGenerator()  # type: ignore[no-untyped-call]  # the library has no types here
    return orjson.dumps(generator.get_schema(request=None, public=True), option=orjson.OPT_INDENT_2)
