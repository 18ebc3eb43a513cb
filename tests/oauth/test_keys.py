"""Signing keys of ID tokens: sealed, shared, rotated (R28, R31)."""

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from accounts import clock, retention
from accounts.models import AuditEvent
from devicelogin.oauth import signing_keys
from devicelogin.oauth.models import SigningKey
from tests.oauth import people

pytestmark = pytest.mark.django_db


def id_token(client, user, program):
    return people.signed_in(client, user, program, scope="openid").body["id_token"]


def verifies(client, token):
    try:
        jwt.decode(token, KeySet.import_key_set(client.get("/oauth2/keys.json").json()), algorithms=["RS256"])
    except (JoseError, ValueError):
        return False
    return True


def test_the_key_set_is_public_and_holds_nothing_private(client):
    answer = client.get("/oauth2/keys.json")
    (key,) = answer.json()["keys"]
    assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")
    assert {"d", "p", "q", "dp", "dq", "qi"}.isdisjoint(key)
    assert answer.header("access-control-allow-origin") == "*"
    assert client.get("/oauth2/keys.json").json() == answer.json()


def test_the_private_key_is_sealed_in_the_database(client):
    client.get("/oauth2/keys.json")
    sealed = SigningKey.objects.get().sealed
    assert "PRIVATE" not in sealed
    assert sealed.startswith("gAAAA")


def test_a_rotated_key_verifies_until_its_tokens_have_expired(client, ann, program, time_machine):
    old = id_token(client, ann, program)
    assert signing_keys.rotate(actor="ada")
    new = id_token(client, ann, program)
    assert len(client.get("/oauth2/keys.json").json()["keys"]) == 2
    assert verifies(client, old)
    assert verifies(client, new)
    time_machine.move_to(clock.after(2 * 3600 + 60))
    assert not verifies(client, old)
    assert verifies(client, new)
    time_machine.move_to(clock.after(3600))
    assert retention.purge_all()["signing keys"] == 1
    assert SigningKey.objects.count() == 1
    assert AuditEvent.objects.filter(event="signing-key-made").count() == 2


def test_of_processes_that_find_no_key_one_makes_it(db):
    assert signing_keys.rotate(reason="first", expected=0)
    assert not signing_keys.rotate(reason="first", expected=0)
    assert SigningKey.objects.count() == 1


def test_a_key_that_was_sealed_under_another_secret_is_replaced(client, ann, program, settings):
    old = id_token(client, ann, program)
    before, settings.SECRET_KEY = settings.SECRET_KEY, "another secret key of many characters 123"
    settings.SECRET_KEY_FALLBACKS = []
    new = id_token(client, ann, program)
    assert SigningKey.objects.count() == 2
    assert verifies(client, old)
    assert verifies(client, new)
    settings.SECRET_KEY_FALLBACKS = [before]
    assert verifies(client, id_token(client, ann, program))
    assert SigningKey.objects.count() == 2
