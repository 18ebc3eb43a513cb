"""New keys: everything signed and sealed before goes on, everything new is under the new key (R31)."""

import fcntl
import os
from datetime import timedelta
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from django.core.management.base import CommandError

from accounts import clock, mail, mail_content, recovery_codes, retention, sealed_rows, sealing, users
from accounts.errors import Refusal
from accounts.models import AuditEvent, KeptKey, QueuedMail, RecoveryCode, UpstreamProvider
from accounts.upstream_providers import save, with_secrets
from devicelogin.oauth import signing_keys
from devicelogin.oauth.models import SigningKey
from idp import key_watch, secret_key
from idp.lifecycle import lifetimes, rotating
from tests.commands.run import run
from tests.lifecycle.conftest import KEY
from tests.openpgp import door as laverna
from tests.otp import door as otp
from tests.pages.visitor import Visitor
from tests.session_client import SessionIdentity

pytestmark = pytest.mark.django_db


def quiet(_: str) -> None:
    pass


def forget_the_old(keys: Path) -> None:
    """What is left when the oldest key is taken away by hand."""
    secret_key.write_fallbacks(keys / secret_key.FALLBACKS_NAME, [])
    key_watch.KeyWatch(keys).take_up()


def old_keys(keys: Path) -> list[secret_key.OldKey]:
    return secret_key.own_fallbacks(keys / secret_key.FALLBACKS_NAME)


def test_the_new_key_signs_and_the_one_before_verifies_until_the_longest_lifetime_has_passed(keys, settings):
    done = rotating.rotate(quiet)
    new = (keys / secret_key.NAME).read_text().strip()
    assert new == settings.SECRET_KEY != KEY
    assert settings.SECRET_KEY_FALLBACKS == [KEY]
    [old] = old_keys(keys)
    assert old.key == KEY
    assert old.until == done.until
    assert abs(old.until - clock.after(lifetimes.longest())) < timedelta(minutes=5)
    assert lifetimes.longest() >= settings.BROWSER_LIFETIME
    for name in (secret_key.NAME, secret_key.FALLBACKS_NAME):
        assert (keys / name).stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in keys.iterdir()) == [secret_key.NAME, secret_key.FALLBACKS_NAME]


def test_after_its_time_the_key_before_verifies_nothing_and_leaves_the_file_at_the_next_rotation(
    keys, settings, time_machine
):
    rotating.rotate(quiet)
    time_machine.move_to(clock.after(lifetimes.longest() + 5))
    assert key_watch.KeyWatch(keys).take_up()
    assert settings.SECRET_KEY_FALLBACKS == []
    second = settings.SECRET_KEY
    rotating.rotate(quiet)
    assert [old.key for old in old_keys(keys)] == [second]


def test_programs_of_every_door_stay_signed_in(keys, client):
    person, alice, _ = laverna.registered(client, "bob"), SessionIdentity(), otp.alice()
    challenge, session = alice.answer(client), SessionIdentity().log_in(client)
    auth, to_sign = laverna.log_in(client, person), laverna.session_token(client, person)
    remembered, answer = otp.signed_in()
    waiting = otp.token()
    code = otp.code()
    rotating.rotate(quiet)
    assert client.get("/token", token=session).status == 200
    assert alice.submit(client, challenge).status == 200
    assert laverna.status_of(client, auth) == 200
    assert laverna.auth(client, person, person.answer(to_sign)).json()["success"] is True
    assert client.get("/api/me", token=answer["access"]).status == 200
    assert client.post("/api/token/refresh", data={"refresh": answer["refresh"]}).status == 200
    assert otp.confirm(remembered, otp.FAKE)["code"] == "1103"
    assert otp.confirm(waiting, code)["code"] == "1104"


def test_browsers_stay_signed_in_people_and_administrators(keys, client):
    users.create("ann", password=otp.PASSWORD, administrator=True)
    person, administrator = Visitor(client), Visitor(client)
    person.sign_in("ann")
    administrator.fill("/admin/login/", username="ann", password=otp.PASSWORD)
    assert administrator.get("/admin/").status == 200
    rotating.rotate(quiet)
    assert person.is_signed_in()
    assert administrator.get("/admin/").status == 200
    rotating.rotate(quiet)
    assert person.is_signed_in()
    assert administrator.get("/admin/").status == 200


def test_what_is_sealed_is_sealed_anew_so_that_the_old_key_may_go(keys, settings):
    ann = users.create("ann")
    Authenticator.objects.create(user=ann, type="totp", data={"secret": sealing.seal("JBSW", label="second factor")})
    provider = UpstreamProvider(name="Corp", client_id="latchkey", provider_id="corp")
    save(provider, server_url="https://corp.example", secret="hush", trusts_addresses=False, actor=ann)
    mail.send("page-reset", to="ann@example.org", facts={"link": "https://x.example/secret"})
    signing_keys.rotate(reason="first", expected=0)
    first = SigningKey.objects.get().sealed
    done = rotating.rotate(quiet)
    counted = {tally.kind: (tally.seen, tally.resealed, tally.unreadable) for tally in done.tallies}
    assert counted["second factors"] == counted["upstream secrets"] == counted["queued mails"] == (1, 1, 0)
    assert counted["signing keys"] == (1, 1, 0)
    forget_the_old(keys)
    assert settings.SECRET_KEY_FALLBACKS == []
    assert sealing.unseal(Authenticator.objects.get().data["secret"], label="second factor") == "JBSW"
    [app] = with_secrets([UpstreamProvider.objects.get()])
    assert app.secret == "hush"
    assert "https://x.example/secret" in mail_content.unsealed(QueuedMail.objects.get().sealed).text
    assert SigningKey.objects.count() == 2
    assert SigningKey.objects.order_by("number")[0].sealed != first
    assert signing_keys.current()[0] == done.signing_key
    again = {tally.kind: tally.resealed for kind in sealed_rows.kinds() for tally in sealed_rows.reseal(kind)}
    assert set(again.values()) == {0}


def test_many_rows_are_sealed_anew_in_batches_with_progress(keys, monkeypatch):
    monkeypatch.setattr(sealed_rows, "_BATCH", 2)
    for number in range(5):
        mail.send("page-reset", to=f"a{number}@example.org", facts={"link": "https://x.example/"})
    said: list[str] = []
    rotating.rotate(said.append)
    assert [line for line in said if line.startswith("queued mails")] == [
        f"queued mails: {count} looked at, {count} sealed anew" for count in (2, 4, 5)
    ]


def test_what_no_key_opens_is_left_alone_and_told(keys):
    mail.send("page-reset", to="a@example.org", facts={"link": "https://x.example/"})
    stranger = mail_content.sealed(mail_content.unsealed(QueuedMail.objects.get().sealed))
    QueuedMail.objects.update(sealed=stranger[:20] + bytes(reversed(stranger[20:40])) + stranger[40:])
    before = bytes(QueuedMail.objects.get().sealed)
    said = run("rotatekeys")
    assert "queued mails: 0 of 1 sealed anew" in said.lines
    assert "queued mails: 1 cannot be opened by any key" in said.err
    assert bytes(QueuedMail.objects.get().sealed) == before


def test_recovery_codes_open_after_their_key_is_long_gone_and_are_still_good_once(keys, settings):
    ann = users.create("ann")
    codes = recovery_codes.renew(ann)
    rotating.rotate(quiet)
    forget_the_old(keys)
    rotating.rotate(quiet)
    forget_the_old(keys)
    assert KeptKey.objects.get().version == sealing.key_version(KEY)
    assert KEY not in KeptKey.objects.get().sealed
    recovery_codes.use(ann, codes[0])
    with pytest.raises(Refusal):
        recovery_codes.use(ann, codes[0])
    assert recovery_codes.is_good(ann, codes[1])
    assert not recovery_codes.is_good(users.create("bob"), codes[1])
    assert retention.purge_all()["kept keys"] == 0
    recovery_codes.renew(ann)
    assert retention.purge_all()["kept keys"] == 1
    assert RecoveryCode.objects.get(pk=RecoveryCode.objects.first().pk).key_version == sealing.key_version(
        settings.SECRET_KEY
    )


def test_codes_from_before_versions_were_noted_keep_every_key(keys):
    ann = users.create("ann")
    [code, *_] = recovery_codes.renew(ann)
    RecoveryCode.objects.update(key_version="")
    rotating.rotate(quiet)
    forget_the_old(keys)
    assert recovery_codes.is_good(ann, code)
    assert retention.purge_all()["kept keys"] == 0


def test_forgetting_the_old_ends_what_it_signed_and_nothing_that_is_sealed(keys, client, settings):
    person, session = laverna.registered(client), SessionIdentity().log_in(client)
    to_sign = laverna.session_token(client, person)
    ann = users.create("ann", password=otp.PASSWORD)
    visitor = Visitor(client)
    visitor.sign_in("ann")
    Authenticator.objects.create(user=ann, type="totp", data={"secret": sealing.seal("JBSW", label="second factor")})
    said = run("rotatekeys", "--forget-old")
    assert "secret key replaced: those before are forgotten" in said.lines
    assert settings.SECRET_KEY_FALLBACKS == []
    assert laverna.auth(client, person, person.answer(to_sign)).json()["success"] is False
    assert not visitor.is_signed_in()
    assert client.get("/token", token=session).status == 200
    assert sealing.unseal(Authenticator.objects.get().data["secret"], label="second factor") == "JBSW"
    assert AuditEvent.objects.get(event="keys-rotated").facts["forgot_old"] is True


def test_the_command_tells_a_line_a_thing_and_the_audit_log_knows(keys):
    said = run("rotatekeys")
    [old] = old_keys(keys)
    assert said.lines[0] == f"secret key replaced: the one before verifies until {old.until:%Y-%m-%dT%H:%M:%SZ}"
    assert said.lines[1] == f"signing key made: {signing_keys.current()[0]}"
    assert "second factors: 0 of 0 sealed anew" in said.lines
    event = AuditEvent.objects.get(event="keys-rotated")
    assert (event.actor, event.facts["secret_key"]) == ("command", True)
    everything = said.out + said.err + str(list(AuditEvent.objects.values()))
    assert KEY not in everything
    assert (keys / secret_key.NAME).read_text().strip() not in everything


def test_a_key_from_the_environment_is_the_operators_and_the_rest_is_renewed(keys, settings):
    settings.SECRET_KEY_IS_OWN = False
    before = "before" + KEY
    settings.SECRET_KEY_FALLBACKS = [before]
    codes = recovery_codes.renew(ann := users.create("ann"))
    RecoveryCode.objects.update(key_version=sealing.key_version(before))
    said = run("rotatekeys")
    assert "SECRET_KEY is given in the environment" in said.err
    assert not any(line.startswith("secret key") for line in said.lines)
    assert settings.SECRET_KEY == KEY
    assert not (keys / secret_key.FALLBACKS_NAME).exists()
    assert SigningKey.objects.count() == 1
    assert KeptKey.objects.get().version == sealing.key_version(before)
    assert recovery_codes.is_good(ann, codes[0])


def test_two_at_once_are_one(keys):
    descriptor = os.open(keys, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with pytest.raises(CommandError, match="another rotatekeys is at work"):
            run("rotatekeys")
    finally:
        os.close(descriptor)
    assert (keys / secret_key.NAME).read_text().strip() == KEY
    run("rotatekeys")


@pytest.mark.parametrize("step", ["write_key", "own_fallbacks"])
def test_a_rotation_that_dies_half_way_leaves_keys_that_open_everything(keys, settings, monkeypatch, client, step):
    person = laverna.registered(client)
    to_sign = laverna.session_token(client, person)
    sealed = sealing.seal("JBSW", label="second factor")
    real, calls = getattr(secret_key, step), []

    def dies(*arguments: object) -> object:
        calls.append(arguments)
        if step == "write_key" or len(calls) > 1:
            raise OSError(28, "No space left on device")
        return real(*arguments)

    with monkeypatch.context() as disk:
        disk.setattr(secret_key, step, dies)
        with pytest.raises(CommandError, match="No space left"):
            run("rotatekeys")
    key_watch.KeyWatch(keys).take_up()
    assert sealing.unseal(sealed, label="second factor") == "JBSW"
    rotating.rotate(quiet)
    assert laverna.auth(client, person, person.answer(to_sign)).json()["success"] is True
    assert all(old.until for old in old_keys(keys))
