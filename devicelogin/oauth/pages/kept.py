"""An authorization request, kept while somebody signs in and decides (matrix-oauth.md §4).

It stands in the ledger under a handle of its own: whoever signs in anew, or as somebody else, comes back to it, and
one decision counts.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime

from accounts import clock, ledger
from accounts.browser import Browser
from accounts.errors import Reason, Refusal
from accounts.models import Challenge
from devicelogin.oauth import authorizing, clients
from devicelogin.oauth.authorizing import AuthorizationRequest
from devicelogin.oauth.clients import FLOW
from devicelogin.oauth.redirects import Redirect

PURPOSE = "authorization-request"
LIFETIME = 3600.0  # seconds: long enough to make an account and wait for its mail


@dataclass(frozen=True, slots=True)
class Kept:
    """A request and the moment it was made."""

    request: AuthorizationRequest
    asked_at: datetime
    row: Challenge

    def is_proved_by(self, who: Browser) -> bool:
        """Whether the person's last proof is as recent as the program wants (`prompt=login`, `max_age`)."""
        if "login" in self.request.prompt:
            return who.authenticated_at >= self.asked_at
        oldest = self.request.max_age
        return oldest is None or who.authenticated_at >= clock.after(-oldest, self.asked_at)


def keep(request: AuthorizationRequest, *, ip: str) -> str:
    """Keeps a request for an hour; answers its handle."""
    handle = secrets.token_urlsafe(24)
    ledger.open(handle, flow=FLOW, purpose=PURPOSE, lifetime=LIFETIME, facts=request.as_facts(), ip=ip)
    return handle


def find(handle: str) -> Kept:
    """The request of a handle; CHALLENGE_INVALID when it was decided, is too old, or its program is gone."""
    row = ledger.find(handle, flow=FLOW, purpose=PURPOSE)
    request = authorizing.from_facts(row.facts)
    if clients.find(request.client_id) is None:
        raise Refusal(Reason.CHALLENGE_INVALID, detail="the program is blocked or forgotten")
    return Kept(request, row.created_at, row)


def refuse_silently(kept: Kept, who: Browser | None) -> Redirect:
    """The answer to `prompt=none`: consent is always asked for, so it is a no, with what is missing."""
    ledger.consume(kept.row)
    if who is None or not kept.is_proved_by(who):
        return authorizing.refuse(kept.request, "login_required", "Somebody has to sign in")
    return authorizing.refuse(kept.request, "consent_required", "Somebody has to consent")


def allow(kept: Kept, who: Browser) -> Redirect:
    """The person's yes; CHALLENGE_INVALID for a second decision."""
    ledger.consume(kept.row)
    return authorizing.approve(kept.request, user=who.user, browser=who, ip=who.ip, user_agent=who.user_agent)


def deny(kept: Kept, who: Browser) -> Redirect:
    """The person's no; CHALLENGE_INVALID for a second decision."""
    ledger.consume(kept.row)
    return authorizing.deny(kept.request, user=who.user, ip=who.ip)
