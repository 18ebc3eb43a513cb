"""Which devices of an account the homeserver shall know."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Device, HomeserverAccount, Token


def devices(account: HomeserverAccount) -> QuerySet[Device]:
    """Devices of kind Matrix whose session was not ended.

    A token that ran out ends nothing: the client signs in again and keeps its keys. Nor is an imported device gone
    because nobody has signed in on it here yet: it is older than the account's first contact with the homeserver.
    """
    tokens = Token.objects.filter(device=OuterRef("pk"))
    waiting = ~Exists(tokens) & Q(created_at__lt=account.created_at)
    mine = Device.objects.filter(user_id=account.user_id, kind=Device.Kind.MATRIX)
    return mine.filter(Exists(tokens.filter(revoked_at=None)) | waiting)
