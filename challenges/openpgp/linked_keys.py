"""An OpenPGP key of somebody who is signed in elsewhere: proved by a signed `KEY_ADD_REQUEST` (one-origin.md §2)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from accounts import key_proofs
from accounts.models import User
from challenges.openpgp import linking, payloads


@dataclass(frozen=True, slots=True)
class _Asker:
    """The signed-in person, as `linking` knows one."""

    user_id: int
    username: str


class OpenPGPKeys:
    """The prover of OpenPGP keys (`accounts.key_proofs`)."""

    def challenge(self, user: User, *, ip: str) -> str:
        """The JSON text to be signed in clear, one line."""
        token = linking.challenge(_asker(user), ip=ip)
        return json.dumps({"msg": payloads.ADD, "username": user.username, "sessionToken": token})

    def add(self, user: User, given: Mapping[str, str], *, ip: str) -> str:
        """Refuses as `linking.add`; `publicKey` and `signature` are armored texts."""
        fields = {name: given.get(name, "") for name in ("publicKey", "signature")}
        return str(linking.add(_asker(user), fields, ip=ip)["fingerprint"])

    def publish(self, user: User, key: str) -> None:
        """Refuses as `linking.publish`."""
        linking.publish(_asker(user), key)


def register() -> None:
    """Lets the account page add and choose OpenPGP keys."""
    key_proofs.register(key_proofs.Kind.OPENPGP, OpenPGPKeys())


def _asker(user: User) -> _Asker:
    return _Asker(user_id=user.pk, username=user.username)
