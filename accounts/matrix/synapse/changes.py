"""What a later import changes of an account that an earlier one made: never what its person changed here since."""

from collections.abc import Callable, Iterator

from django.db.models import QuerySet

from accounts import audit, users
from accounts.hashers import SynapseBcrypt
from accounts.matrix.synapse import records, rows
from accounts.matrix.synapse.here import Here, is_from_synapse
from accounts.models import User

ACTOR: audit.Actor = "import_synapse"
Change = Callable[[], None]


def of_state(user: User, account: records.Account) -> Iterator[Change]:
    """Deactivated, locked and suspended are set if they are set there, and never lifted."""
    if user.deactivated_at:
        return
    if account.is_deactivated:
        yield lambda: users.deactivate(user, actor=ACTOR)
        return
    if (account.is_locked or account.is_unapproved) and not user.locked_at:
        yield lambda: users.lock(user, actor=ACTOR)
    if account.is_suspended and not user.suspended_at:
        yield lambda: users.suspend(user, actor=ACTOR)


def of_display_name(user: User, account: records.Account) -> Iterator[Change]:
    """An empty one is filled."""
    shown = rows.cleaned(account.display_name, 256)
    if shown and not user.display_name and not (user.deactivated_at or account.is_deactivated):
        empty = User.objects.filter(pk=user.pk, display_name="")
        yield lambda: _update(empty, display_name=shown)


def of_password(user: User, account: records.Account, here: Here) -> Iterator[Change]:
    """One that was changed there follows as long as nobody signed in here with the one before."""
    stored = SynapseBcrypt.stored(account.password_hash)
    is_untouched = is_from_synapse(user.password) or not (user.has_usable_password() or here.has_been_used(user))
    if stored and stored != user.password and is_untouched and not (user.deactivated_at or account.is_deactivated):
        unchanged = User.objects.filter(pk=user.pk, password=user.password)
        yield lambda: _update(unchanged, password=stored)


def _update(found: QuerySet[User], **values: str) -> None:
    found.update(**values)
