"""What a hostile process name or script output may not do to whoever reads it."""

import pytest

from agent.printable import NEWLINE_AND_TAB, printable, shortened


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain é 日本 🙂", "plain é 日本 🙂"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("bell\x07 nul\x00 del\x7f c1\x9b", "bell\\x07 nul\\x00 del\\x7f c1\\x9b"),
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
        ("isolate\u2066x\u2069", "isolate\\u2066x\\u2069"),
        ("line\u2028break", "line\\u2028break"),
        ("half \ud83d", "half \\ud83d"),
        ("a\nb\tc\rd", "a\\x0ab\\x09c\\x0dd"),
    ],
)
def test_controls_are_written_out(given: str, shown: str) -> None:
    assert printable(given) == shown


def test_newline_and_tab_stay_where_they_are_asked_for() -> None:
    assert printable("a\n\tb\x1b", keep=NEWLINE_AND_TAB) == "a\n\tb\\x1b"


def test_astral_surrogate_free_text_encodes_afterwards() -> None:
    assert printable("\udcff").encode() == b"\\udcff"


def test_shortened_says_that_it_is() -> None:
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcde…"
