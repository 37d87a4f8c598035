"""What a hostile process name or script output may not do to whoever reads it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.printable import JOINERS, NEWLINE_AND_TAB, printable, shortened


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain é 日本 🙂", "plain é 日本 🙂"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("bell\x07 nul\x00 del\x7f c1\x9b", "bell\\x07 nul\\x00 del\\x7f c1\\x9b"),
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
        ("isolate\u2066x\u2069", "isolate\\u2066x\\u2069"),
        ("line\u2028break", "line\\u2028break"),
        ("half \ud83d", "half \\ud83d"),
        ("a\nb\tc\rd", "a\\x0ab\\x09c\\x0dd"),
        ("no\u200bwidth\u2060\ufeff\xad", "no\\u200bwidth\\u2060\\ufeff\\xad"),
        ("marks\u200e\u200f\u061c", "marks\\u200e\\u200f\\u061c"),
        ("paragraph\u2029", "paragraph\\u2029"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("\x1b]8;;http://evil\x1b\\click", "\\x1b]8;;http://evil\\x1b\\click"),
        ("\x9b2Jcleared \x1bPsixel\x1b\\", "\\x9b2Jcleared \\x1bPsixel\\x1b\\"),
        ("over\rwritten\x08", "over\\x0dwritten\\x08"),
    ],
)
def test_controls_are_written_out(said: str, shown: str) -> None:
    assert printable(said) == shown


@pytest.mark.parametrize(
    "text",
    ["naïve façade € Привет 日本", "👩\u200d💻 family", "می\u200cخواهم", "نعم", "[bold]not markup[/bold]", "e\u0301", ""],
)
def test_real_text_stays(text: str) -> None:
    assert printable(text) == text


@given(st.text(st.characters(exclude_categories=())))
def test_nothing_foreign_gets_through_and_what_is_fit_is_left_alone(text: str) -> None:
    shown = printable(text)
    assert not {unicodedata.category(one) for one in shown if one not in JOINERS} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert printable(shown) == shown
    shown.encode()


def test_newline_and_tab_stay_where_they_are_asked_for() -> None:
    assert printable("a\n\tb\x1b", keep=NEWLINE_AND_TAB) == "a\n\tb\\x1b"


def test_astral_surrogate_free_text_encodes_afterwards() -> None:
    assert printable("\udcff").encode() == b"\\udcff"


def test_shortened_says_that_it_is() -> None:
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcde…"
