"""Programs as operators see them: command and administration (operations.md §3)."""

import pytest
from django.core.management.base import CommandError
from django.test import Client as Browser

from accounts import users
from accounts.models import AuditEvent
from devicelogin.oauth import clients
from devicelogin.oauth.models import BlockedHost, Client, SigningKey
from tests.commands.run import run
from tests.oauth import people
from tests.oauth.people import error, signed_in, who_am_i

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(db):
    ada = users.create("ada", password=people.PASSWORD, administrator=True, by_administrator=True)
    browser = Browser()
    browser.force_login(ada)
    return browser


def test_the_list_tells_host_and_sessions(client, ann, program):
    signed_in(client, ann, program)
    (line,) = run("clients", "list").lines
    assert line.startswith(f"{program}  example.com  Element  1 live")
    (told,) = run("clients", "list", "--json").objects
    assert (told["client_id"], told["host"], told["live_sessions"]) == (program, "example.com", 1)
    assert told["blocked_at"] is None


@pytest.mark.parametrize("by", ["id", "host", "host above"])
def test_blocking_ends_sessions_and_unblocking_serves_again(client, ann, by):
    more = {"client_uri": "https://app.example.com/", "redirect_uris": ["https://app.example.com/cb"]}
    program = people.register(client, **more)["client_id"]
    issued = signed_in(client, ann, program)
    named = {"id": program, "host": "app.example.com", "host above": "example.com"}[by]
    host = "app.example.com" if by == "id" else named
    assert run("clients", "block", named, "--note", "spam").out == f"blocked: {host}  1 registered\n"
    assert who_am_i(client, issued.access).status == 401
    assert error(people.refresh(client, issued.refresh, program)) == (401, "invalid_client")
    assert run("clients", "unblock", host).out == f"unblocked: {host}  1 served again\n"
    assert clients.find(program) is not None
    assert who_am_i(client, issued.access).status == 401
    assert AuditEvent.objects.filter(event="client-host-blocked", subject=host).exists()


def test_a_second_block_keeps_a_program_out(client, program):
    clients.block("example.com")
    clients.block("app.example.com")
    clients.unblock("example.com")
    assert clients.find(program) is None


def test_a_host_that_merely_ends_alike_is_not_blocked(client, program):
    clients.block("ample.com")
    assert clients.find(program) is not None


def test_forgetting_ends_sessions_and_lets_it_register_anew(client, ann, program):
    issued = signed_in(client, ann, program)
    assert run("clients", "forget", program).out == f"forgotten: {program}\n"
    assert who_am_i(client, issued.access).status == 401
    assert people.register(client)["client_id"] != program


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("forget", "nobody"), "no client nobody"),
        (("block", "nobody"), "no client nobody"),
        (("block", "https://example.com/"), "no client"),
        (("block", "a b.c"), "no client"),
        (("unblock", "example.org"), "example.org is not blocked"),
    ],
)
def test_what_is_not_there_is_one_line(db, arguments, reason):
    with pytest.raises(CommandError, match=reason):
        run("clients", *arguments)


def test_the_administration_shows_programs_and_what_waits(client, ann, program, staff):
    signed_in(client, ann, program)
    people.ask_device(client, program, people.device_scope("WAITING0001"))
    page = staff.get("/admin/oauth/client/").content.decode()
    assert "Element" in page
    assert "example.com" in page
    assert "1 device code nobody has decided on" in " ".join(page.split())
    row = Client.objects.get()
    one = staff.get(f"/admin/oauth/client/{row.pk}/change/").content.decode()
    assert people.CALLBACK in one
    assert staff.get("/admin/oauth/client/?q=example&state=served").status_code == 200


def test_an_administrator_blocks_and_forgets(client, ann, program, staff):
    issued = signed_in(client, ann, program)
    row = Client.objects.get()
    path = f"/admin/oauth/client/{row.pk}/block/"
    assert "Sessions that were opened with it end" in staff.get(path).content.decode()
    assert who_am_i(client, issued.access).status == 200
    staff.post(path, {"_confirmed": "1"})
    assert who_am_i(client, issued.access).status == 401
    block = BlockedHost.objects.get()
    assert (block.host, block.author.username) == ("example.com", "ada")
    staff.post(f"/admin/oauth/blockedhost/{block.pk}/delete/", {"post": "yes"})
    assert clients.find(program) is not None
    staff.post(f"/admin/oauth/client/{row.pk}/forget/", {"_confirmed": "1"})
    assert not Client.objects.exists()


def test_an_administrator_blocks_a_host_by_name(client, program, staff):
    staff.post("/admin/oauth/blockedhost/add/", {"host": "EXAMPLE.com ", "note": "spam"})
    assert clients.find(program) is None
    assert "looks like example.org" in staff.post("/admin/oauth/blockedhost/add/", {"host": "a b"}).content.decode()


def test_a_new_key_is_made_with_the_administrators_password(client, staff):
    client.get("/oauth2/keys.json")
    path = "/admin/oauth/signingkey/rotate/"
    assert "signed with a new key" in staff.get(path).content.decode()
    staff.post(path, {"_confirmed": "1", "own_password": "wrong"})
    assert SigningKey.objects.count() == 1
    staff.post(path, {"_confirmed": "1", "own_password": people.PASSWORD})
    assert SigningKey.objects.count() == 2
    assert staff.get("/admin/oauth/signingkey/").status_code == 200


def test_pages_of_the_administration_are_not_for_others(client, program):
    for path in ("client", "blockedhost", "signingkey"):
        assert Browser().get(f"/admin/oauth/{path}/").status_code == 302
