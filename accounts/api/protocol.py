"""The wire of the small API: who bears a token (one-origin.md §4). Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.errors import Reason, Refusal
from accounts.oauth_errors import RESOURCE_SHAPES, render
from accounts.wire import Wire

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Authorization",
    "Access-Control-Expose-Headers": "WWW-Authenticate, Retry-After",
}
NO_STORE = {"Cache-Control": "no-store"}
CHALLENGE = 'Bearer error="invalid_token"'  # RFC 6750 §3; goes with every 401

WIRE = Wire(RESOURCE_SHAPES, render, CORS, NO_STORE)


@dataclass(frozen=True, slots=True)
class Me:
    """Who bears a token and how they signed in."""

    user_id: int
    username: str
    display_name: str
    emails: tuple[str, ...]
    flow: str
    amr: tuple[str, ...]
    expires_at: datetime | None

    def render(self) -> dict[str, Any]:
        """The body of GET /api/me; `expires_at` is null for a token without end."""
        return {
            "user_id": self.user_id,
            "username": self.username,
            "display_name": self.display_name,
            "emails": list(self.emails),
            "flow": self.flow,
            "amr": list(self.amr),
            "expires_at": moment(self.expires_at) if self.expires_at else None,
        }


def bearer_token(authorization: str) -> str:
    """The token of an Authorization header; TOKEN_MISSING when there is none, or another scheme."""
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refusal(Reason.TOKEN_MISSING)
    return token.strip()


def moment(at: datetime) -> str:
    """A moment as Session's `user_info` writes its `expires_at`: UTC, milliseconds, `Z`."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
