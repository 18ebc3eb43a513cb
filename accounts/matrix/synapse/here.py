"""What this installation has already of a batch of accounts: a handful of queries, however many they are."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from allauth.account.models import EmailAddress

from accounts.hashers import SynapseBcrypt
from accounts.models import Device, Token, User

_FROM_SYNAPSE = f"{SynapseBcrypt.algorithm}$"


@dataclass(slots=True)
class Here:
    """The accounts by folded name, and by their ids what they have; addresses by their text."""

    users: dict[str, User]
    devices: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    signed_in: set[int] = field(default_factory=set)
    with_primary: set[int] = field(default_factory=set)
    owners: dict[str, dict[int, bool]] = field(default_factory=lambda: defaultdict(dict))

    @classmethod
    def of(cls, folded_names: Iterable[str], addresses: Iterable[str]) -> "Here":
        """Looks it up."""
        users = User.objects.filter(folded_username__in=list(folded_names))
        here = cls({user.folded_username: user for user in users})
        ids = [user.pk for user in here.users.values()]
        kept = Device.objects.filter(user_id__in=ids, kind=Device.Kind.MATRIX)
        for owner, device_id in kept.values_list("user_id", "device_id"):
            here.devices[owner].add(device_id)
        here.signed_in = set(Token.objects.filter(user_id__in=ids).values_list("user_id", flat=True).distinct())
        primary = EmailAddress.objects.filter(user_id__in=ids, primary=True)
        here.with_primary = set(primary.values_list("user_id", flat=True))
        rows = EmailAddress.objects.filter(email__in=list(addresses))
        for address, owner, verified in rows.values_list("email", "user_id", "verified"):
            here.owners[address][owner] = verified
        return here

    def has_been_used(self, user: User) -> bool:
        """Whether its person signed in here: then what is missing here may have been removed here."""
        return user.pk in self.signed_in or (user.has_usable_password() and not is_from_synapse(user.password))

    def is_confirmed(self, address: str) -> bool:
        """Whether an account has confirmed the address."""
        return any(self.owners[address].values())


def is_from_synapse(encoded: str) -> bool:
    """Whether the stored hash is as it was imported."""
    return encoded.startswith(_FROM_SYNAPSE)
