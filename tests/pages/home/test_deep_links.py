"""Links of apps into the account (matrix-oauth.md §7, MSC4191)."""

import pytest

from accounts.models import Device
from tests.pages.home.conftest import open_device, ref


@pytest.fixture
def device(ann):
    return open_device(ann, "ABCDEFGHIJ")


ACTIONS = {
    "org.matrix.profile": "/account/profile/",
    "org.matrix.devices_list": "/account/devices/",
    "org.matrix.device_view": "/account/devices/{ref}/",
    "org.matrix.device_delete": "/account/devices/{ref}/end/",
    "org.matrix.account_deactivate": "/account/close/",
    "org.matrix.cross_signing_reset": "/account/identity-reset/",
    "org.matrix.sessions_list": "/account/devices/",
    "org.matrix.session_view": "/account/devices/{ref}/",
    "org.matrix.session_end": "/account/devices/{ref}/end/",
    "profile": "/account/profile/",
    "sessions_list": "/account/devices/",
    "session_view": "/account/devices/{ref}/",
    "session_end": "/account/devices/{ref}/end/",
}


@pytest.mark.parametrize(("action", "path"), ACTIONS.items())
def test_an_action_leads_to_its_page(signed_in, device, action, path):
    signed_in.get(f"/account/?action={action}&device_id=ABCDEFGHIJ")
    assert signed_in.leads == path.format(ref=ref(device))
    assert signed_in.follow().status == 200
    assert Device.objects.filter(pk=device.pk).exists()  # whatever is dangerous asks first


def test_every_advertised_action_is_known(client):
    metadata = client.get("/_matrix/client/v1/auth_metadata").json()
    assert metadata["account_management_uri"].endswith("/account/")
    assert set(metadata["account_management_actions_supported"]) <= set(ACTIONS)


def test_somebody_who_is_not_signed_in_does_that_first_and_arrives(visitor, ann, device):
    wanted = "/account/?action=org.matrix.device_view&device_id=ABCDEFGHIJ"
    login = visitor.get(wanted).header("location")
    assert login.startswith("/account/login/?next=")
    visitor.sign_in("ann", path=login)
    assert visitor.leads == wanted
    visitor.follow()
    assert visitor.leads == f"/account/devices/{ref(device)}/"


@pytest.mark.parametrize("action", ["", "org.matrix.unknown", "org.matrix.", "%00", "../../etc", "device_view" * 50])
def test_an_unknown_action_shows_the_start_page(signed_in, action):
    assert signed_in.get(f"/account/?action={action}&device_id=x").status == 200
    assert "Your account" in signed_in.text


@pytest.mark.parametrize("action", ["org.matrix.device_view", "org.matrix.device_delete", "session_end"])
@pytest.mark.parametrize("device_id", ["BOBSDEVICE", "NOSUCHDEVICE", "%00", "d1"])
def test_a_device_that_is_not_ones_own_leads_to_the_list_which_says_so(signed_in, bob, action, device_id):
    signed_in.get(f"/account/?action={action}&device_id={device_id}")
    signed_in.follow()
    assert "not signed in to your account any more" in signed_in.text
    assert Device.objects.filter(user=bob).exists()


def test_without_a_device_the_list_is_shown(signed_in):
    assert signed_in.get("/account/?action=org.matrix.device_delete").header("location") == "/account/devices/"
