"""Who is signed in with a browser, as views see it."""

from dataclasses import dataclass
from datetime import datetime

from accounts import clock
from accounts.models import User


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser whose sign-in lives. Moments are aware.

    `amr` are the methods of RFC 8176 that opened it; `mfa` among them says that a second factor, or a passkey, was
    used. `signed_in_at` is the moment it was opened, `authenticated_at` the last one the person proved who they are.
    """

    user: User
    token_id: int
    device_pk: int | None
    device_id: str
    family: str
    amr: tuple[str, ...]
    signed_in_at: datetime
    authenticated_at: datetime
    ip: str
    user_agent: str

    @property
    def user_id(self) -> int:
        """The account's primary key."""
        return int(self.user.pk)

    @property
    def username(self) -> str:
        """The account's name."""
        return self.user.username

    @property
    def second_factor(self) -> bool:
        """Whether more than one factor was given."""
        return "mfa" in self.amr

    def is_fresh(self, seconds: float) -> bool:
        """Whether the person proved who they are at most so long ago (OpenID Connect's `max_age`)."""
        return self.authenticated_at >= clock.after(-seconds)
