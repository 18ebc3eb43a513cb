"""The sign-up page and the Laverna door before a Synapse: names are asked of it as well."""

import pytest

from accounts.errors import Reason, Refusal
from accounts.models import User
from accounts.pages import sign_up
from tests.openpgp.door import Person, register

WISH = sign_up.Wish(name="ann", password="correct horse battery")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [((400, {"errcode": "M_USER_IN_USE"}), Reason.NAME_TAKEN), ((503, {}), Reason.UNAVAILABLE)],
)
def test_a_name_that_synapse_does_not_give_is_refused(synapse, answer, reason):
    synapse.fails["is_localpart_available"] = answer
    with pytest.raises(Refusal) as refused:
        sign_up.begin(WISH, ip="127.0.0.1")
    assert refused.value.reason is reason
    assert not User.objects.exists()


def test_a_new_account_takes_its_name_there(synapse, deliver):
    sign_up.begin(WISH, ip="127.0.0.1")
    deliver()
    assert "ann" in synapse.users


@pytest.mark.parametrize(("answer", "status"), [((400, {"errcode": "M_USER_IN_USE"}), 400), ((503, {}), 503)])
def test_nor_does_the_laverna_door_give_it(synapse, client, answer, status):
    synapse.fails["is_localpart_available"] = answer
    assert register(client, Person("ann")).status == status
    assert not User.objects.exists()


def test_a_laverna_user_is_known_there_too(synapse, client, deliver):
    assert register(client, Person("ann")).status == 200
    deliver()
    assert "ann" in synapse.users
