import pytest

from accounts.rule_files import BadFile
from challenges.session import loki_ini

ANN, BOB = "05" + "aa" * 31 + "01", "05" + "bb" * 31 + "02"


def test_both_sections_are_read_and_others_passed_over() -> None:
    found = loki_ini.parse(
        f"""
        ; a comment
        [api]
        port=8080
        nonsense without meaning
        [whitelist]
        # another
        {ANN.upper().replace("05", "05", 1)} = Ann of sales
        {BOB}
        [globals]
        {BOB}=true
        {ANN}=false
        """
    )
    assert found.whitelist == {ANN: "Ann of sales", BOB: ""}
    assert found.moderators == [BOB]


def test_remarks_quotes_and_backslashes_are_those_of_ini_files() -> None:
    text = f'\ufeff[whitelist]\r\n{ANN}=Ann ; her phone\r\n"{BOB}"="Bob; #2"\r\n[globals]\r\n{BOB}=true;yes\r\n'
    found = loki_ini.parse(text)
    assert found.whitelist == {ANN: "Ann", BOB: "Bob; #2"}
    assert found.moderators == [BOB]
    assert loki_ini.parse(f"[whitelist]\n{ANN}=a\\;b\\#c\n").whitelist == {ANN: "a;b#c"}


def test_a_key_named_twice_is_one_moderator() -> None:
    assert loki_ini.parse(f"[globals]\n{ANN}=true\n{ANN.upper()}=1\n").moderators == [ANN]


def test_every_bad_line_is_named() -> None:
    with pytest.raises(BadFile) as caught:
        loki_ini.parse(f"[whitelist]\n0500=x\n{ANN}={'n' * 501}\n[globals]\n{BOB}=Bob\n{'05' + '00' * 32}=true\n")
    assert [number for number, _ in caught.value.errors] == [2, 3, 5, 6]


@pytest.mark.parametrize(
    ("text", "is_ini"),
    [
        ("[whitelist]\n", True),
        ("\ufeff\n; x\n# y\n  [api]\n", True),
        ("effect,field,pattern\n", False),
        ("deny,username,[x]\n", False),
        ("", False),
    ],
)
def test_a_file_whose_first_words_are_a_section_is_an_ini_file(text: str, is_ini: bool) -> None:
    assert loki_ini.recognise(text) is is_ini
