"""The pages of the demonstration, as the server gives them; what they do is in browser/."""

import pytest

PATHS = ["/demo/qr/", "/demo/qr/new/", "/demo/qr/existing/"]

pytestmark = pytest.mark.django_db


def ask(client, path, method="GET"):
    return client.request(method, path, headers={"Host": "localhost"})


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("switch", ["DEMO", "DEBUG"])
def test_a_page_of_a_demonstration(client, settings, path, switch):
    settings.DEMO = settings.DEBUG = False
    setattr(settings, switch, True)
    answer = ask(client, path)
    assert answer.status == 200
    policy = answer.header("content-security-policy")
    assert policy.startswith(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
    )
    assert "unsafe" not in policy
    assert answer.header("permissions-policy") == "camera=(self), clipboard-write=(self)"
    assert answer.header("cache-control") == "no-store"  # the answer to a sign-in is in the address
    assert "<script>" not in answer.text
    assert " style=" not in answer.text


@pytest.mark.parametrize("path", PATHS)
def test_there_is_none_elsewhere(client, settings, path):
    settings.DEMO = settings.DEBUG = False
    assert ask(client, path).status == 404


@pytest.mark.parametrize("path", PATHS)
def test_a_page_takes_nothing(client, settings, path):
    settings.DEMO = True
    assert ask(client, path, "POST").status in {403, 405}  # without its token a form comes not even so far


def test_the_pages_know_the_server_by_its_public_name(client, settings):
    settings.DEMO, settings.PUBLIC_URL, settings.MATRIX_SERVER_NAME = True, "https://id.example.org", "example.org"
    page = ask(client, "/demo/qr/new/").text
    assert 'data-base="https://id.example.org"' in page
    assert 'data-server-name="example.org"' in page
    assert 'href="https://id.example.org/demo/qr/existing/"' in ask(client, "/demo/qr/").text
