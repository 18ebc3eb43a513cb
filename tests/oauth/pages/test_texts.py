"""English and German: every text of consent, device login and SSO is translated."""

import gettext
import re

import pytest

from accounts.matrix import fallback
from accounts.matrix.views.sso import WISHES
from devicelogin.oauth.pages import words
from tests.live.database import ROOT
from tests.oauth.pages.reading import is_page
from tests.pages.test_texts import texts_of_python, texts_of_template

OAUTH = ROOT / "devicelogin" / "oauth" / "pages"
MATRIX = ROOT / "accounts" / "matrix"


def german(folder):
    with (folder / "locale/de/LC_MESSAGES/django.mo").open("rb") as file:
        return {key[0] if isinstance(key, tuple) else key for key in gettext.GNUTranslations(file)._catalog}


def marked(files):
    found = set()
    for path in files:
        text = path.read_text()
        if "gettext" in text and path.suffix == ".py":
            found |= texts_of_python(path)
        elif "{% load i18n" in text and path.suffix == ".html":
            found |= texts_of_template(path)
    return found


def test_every_text_has_its_german():
    files = [*OAUTH.rglob("*.py"), *OAUTH.rglob("*.html")]
    assert len(marked(files)) > 60
    assert sorted((marked(files) | set(words.PAGE_ERRORS)) - german(OAUTH)) == []
    files = [MATRIX / "views/sso.py", *MATRIX.glob("templates/matrix/sso*.html")]
    assert len(marked(files)) > 15
    assert sorted((marked(files) | set(WISHES)) - german(ROOT / "accounts")) == []


def test_what_services_say_is_known_to_the_pages():
    said = re.findall(r'PageError\("([^"]+)"\)', (ROOT / "devicelogin/oauth/authorizing.py").read_text())
    assert len(said) >= 4
    assert set(said) == set(words.PAGE_ERRORS)
    assert {*fallback._WISHES.values(), "something"} == set(WISHES)


@pytest.mark.django_db
def test_pages_speak_german(visit, ann, link, grant):
    visitor = visit(language="de-DE,de")
    visitor.get(link("unknown"))
    assert "ist hier nicht bekannt" in is_page(visitor.page, 400)
    visitor.sign_in("ann")
    visitor.get(f"/link?code={grant['user_code']}")
    assert "Ein anderes Gerät anmelden?" in is_page(visitor.page)
    assert "derselbe Anschluss wie Ihrer" in visitor.text
    visitor.get(link())
    visitor.follow()
    assert "Dieses Programm einlassen?" in is_page(visitor.page)
    visitor.get("/account/sso/?redirectUrl=https://app.example.com/")
    assert "Weiter zu Ihrer App?" in is_page(visitor.page)
