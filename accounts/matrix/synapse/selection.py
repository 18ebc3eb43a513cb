"""Which accounts of a Synapse are taken over, and under which name (one-origin.md §3)."""

from accounts import names
from accounts.matrix.synapse.records import Account
from accounts.matrix.synapse.report import What

_MATRIX_ID_BYTES = 255
_NAME_LENGTH = 255


def refusal(account: Account, server: str) -> What | None:
    """Why the account is skipped whatever stands here already; None for one that is taken."""
    if not account.user_id.startswith("@") or not account.user_id.endswith(f":{server}"):
        return What.FOREIGN
    if account.is_guest:
        return What.GUEST
    if account.is_of_appservice:
        return What.APPSERVICE
    return None if _is_usable(name(account, server), server) else What.NAME_UNUSABLE


def name(account: Account, server: str) -> str:
    """The name the account gets: its localpart as it is, capitals included."""
    return account.user_id[1 : -len(server) - 1]


def _is_usable(localpart: str, server: str) -> bool:
    """Whether it can be a name here: outside the grammar of new names, but never what reads as something else."""
    folded = names.fold(localpart)
    if not localpart or names.is_key_name(folded) or len(folded) > _NAME_LENGTH:
        return False
    if len(f"@{localpart}:{server}".encode()) > _MATRIX_ID_BYTES:
        return False
    return localpart.isprintable() and not any(char in "@:" or char.isspace() for char in localpart)
