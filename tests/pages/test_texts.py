"""English and German: every text is translated, and what is loaded is what is written."""

import ast
import gettext
import re
from pathlib import Path

import pytest
from django.utils.translation.template import templatize

from tests.live.database import ROOT

# A folder with texts of its own → where their German stands; what lies in none of them has none to look for.
LOCALES = {
    folder: ROOT / folder / "locale" / "de" / "LC_MESSAGES" for folder in ("accounts", "devicelogin/oauth/pages")
}
PROGRAMS = ("accounts", "challenges", "devicelogin", "idp")
FUNCTIONS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "pgettext"}


def written(locale: Path) -> dict[str, list[str]]:
    """msgid → its German forms, as django.po holds them."""
    found: dict[str, list[str]] = {}
    for block in (locale / "django.po").read_text().split("\n\n"):
        fields: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            match = re.match(r'(msgid|msgid_plural|msgstr(?:\[\d\])?) (".*")$', line)
            if match:
                name = match[1]
                fields[name] = ast.literal_eval(match[2])
            elif line.startswith('"'):
                fields[name] += ast.literal_eval(line)
        if fields.get("msgid"):
            found[fields["msgid"]] = [text for name, text in fields.items() if name.startswith("msgstr")]
    return found


def texts_of_python(path: Path) -> set[str]:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in FUNCTIONS and call.args]
    return {str(call.args[0].value) for call in named if isinstance(call.args[0], ast.Constant)}


def texts_of_template(path: Path) -> set[str]:
    made = templatize(path.read_text())
    return {
        ast.literal_eval(text) for text in re.findall(r"gettext\(u?((?:'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"))", made)
    }


def marked() -> dict[str, set[str]]:
    """Folder of `LOCALES` → the texts that are marked in it; "" for those outside of all."""
    found: dict[str, set[str]] = {folder: set() for folder in (*LOCALES, "")}
    for path in (path for program in PROGRAMS for path in (ROOT / program).rglob("*.*")):
        inside = [folder for folder in LOCALES if path.is_relative_to(ROOT / folder)]
        texts = found[inside[0] if inside else ""]
        if path.suffix == ".py" and "utils.translation import" in (text := path.read_text()) and "gettext" in text:
            texts |= texts_of_python(path)
        elif path.suffix in {".html", ".txt"} and "{% load i18n" in path.read_text():
            texts |= texts_of_template(path)
    return found


def test_every_marked_text_has_its_german():
    found = marked()
    assert len(found["accounts"]) > 300
    assert len(found["devicelogin/oauth/pages"]) > 60
    assert not found.pop(""), "a folder with marked texts that has no German: add it to LOCALES"
    for folder, texts in found.items():
        known = written(LOCALES[folder])
        assert sorted(text for text in texts if not all(known.get(text, [""]))) == [], folder


@pytest.mark.parametrize("locale", LOCALES.values(), ids=LOCALES)
def test_the_file_that_is_loaded_is_made_of_the_file_that_is_written(locale):
    with (locale / "django.mo").open("rb") as file:
        loaded = gettext.GNUTranslations(file)
    catalogue = {key: text for key, text in loaded._catalog.items() if key}
    expected = {}
    for text, forms in written(locale).items():
        for number, form in enumerate(forms):
            expected[(text, number) if len(forms) > 1 else text] = form
    assert catalogue == expected, "msgfmt -o django.mo django.po"


@pytest.mark.parametrize("locale", LOCALES.values(), ids=LOCALES)
def test_translations_hold_the_same_blanks_to_fill_in(locale):
    for text, forms in written(locale).items():
        for form in forms:
            assert set(re.findall(r"%\(\w+\)\w", form)) == set(re.findall(r"%\(\w+\)\w", text)), text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", "Anmelden"),
        ("de-AT,en;q=0.5", "Anmelden"),
        ("en", "Sign in"),
        ("fr", "Sign in"),
        ("x" * 900, "Sign in"),
        ("", "Sign in"),
    ],
)
def test_a_page_speaks_the_language_its_reader_prefers(visit, language, words):
    visitor = visit(language=language)
    visitor.get("/account/login/")
    assert words in visitor.text
    shown = "de" if words == "Anmelden" else "en"
    assert visitor.page.header("content-language") == shown
    assert f'<html lang="{shown}">' in visitor.page.text


def test_a_german_page_leaves_no_german_behind(visit, client):
    visitor = visit(language="de")
    visitor.sign_in("nobody", "wrong password")
    assert "Der Name oder das Passwort stimmt nicht." in visitor.text
    from django.utils import translation

    assert translation.get_language() == "en"


def test_a_mail_speaks_the_language_of_who_asked(visit, ann):
    from tests.pages import mails

    visit(language="de").fill("/account/login/code/", email="ann@example.org")
    assert "Ihr Code für die Anmeldung" in mails.last().text
