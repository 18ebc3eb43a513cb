"""Pending invitations of the original: taken over where they are what their sender signed (laverna.md §5, §6.7)."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.conf import settings

from accounts import inserts
from challenges.openpgp import records
from challenges.openpgp.laverna import reading
from challenges.openpgp.models import Invite
from challenges.openpgp.signaling import invitations

MADE, BAD = "invites", "invites_refused"


@dataclass(slots=True)
class Invites:
    """Those of the accounts that were made, kept until every account is there: a sender may come later in the file."""

    _waiting: list[tuple[str, reading.Invitation]] = field(default_factory=list)

    def note(self, found: reading.Found) -> None:
        """Keeps what waits for this user."""
        self._waiting += [(found.username, invitation) for invitation in found.invitations]

    def counted(self) -> Counter[str]:
        """How many there are to look at; a dry run has no accounts to check them with."""
        return Counter({MADE: len(self._waiting)})

    def stored(self) -> Counter[str]:
        """Stores the good ones, one of a pair, and counts."""
        counts: Counter[str] = Counter()
        for row in self._checked():
            counts[MADE if row is not None and inserts.insert(row) else BAD] += 1
        return counts

    def _checked(self) -> Iterator[Invite | None]:
        kept: Counter[str] = Counter()
        for username, invitation in self._waiting:
            if kept[username] >= settings.SIGNALING_PENDING_INVITES:
                yield None
                continue
            recipient, sender = records.person(username), records.person(invitation.sender)
            if recipient is None or sender is None or sender.user_id == recipient.user_id:
                yield None
                continue
            if not invitations.says(invitation.signature, sender, recipient):
                yield None
                continue
            kept[username] += 1
            yield Invite(
                sender_id=sender.user_id,
                recipient_id=recipient.user_id,
                fingerprint=sender.fingerprint,
                signature=invitation.signature,
            )
