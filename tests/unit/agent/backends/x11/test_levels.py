"""What a key makes, level by level."""

import pytest

from agent.backends.x11.levels import LOCK_MASK, SHIFT_MASK, is_cased, letters, made_by

NUM = 16
CONTROL = 4
SECOND_GROUP = 1 << 13
A = [0x61, 0x41, 0x61, 0x41]
LATIN_AND_CYRILLIC = [0x61, 0x41, 0x6C6, 0x6E6]
ONE = [0x31, 0x21, 0x31, 0x21]
SEVEN_ON_THE_KEYPAD = [0xFF95, 0xFFB7, 0xFF95, 0xFFB7]
TAB = [0xFF09, 0xFE20]


@pytest.mark.parametrize(
    ("row", "state", "made"),
    [
        (A, 0, "a"),
        (A, SHIFT_MASK, "A"),
        (A, LOCK_MASK, "A"),
        (A, LOCK_MASK | SHIFT_MASK, "a"),
        (A, CONTROL, "a"),
        ([0x61, 0], SHIFT_MASK, "A"),
        ([0x20], LOCK_MASK, " "),
        (ONE, SHIFT_MASK, "!"),
        (LATIN_AND_CYRILLIC, 0, "a"),
        (LATIN_AND_CYRILLIC, SECOND_GROUP, "ф"),
        (LATIN_AND_CYRILLIC, SECOND_GROUP | LOCK_MASK, "Ф"),
        ([0x61, 0x41, 0, 0], SECOND_GROUP, "a"),
        (TAB, SHIFT_MASK, "Tab"),
        ([0xFFBE], 0, "F1"),
        (SEVEN_ON_THE_KEYPAD, 0, "Home"),
        (SEVEN_ON_THE_KEYPAD, NUM, "7"),
        (SEVEN_ON_THE_KEYPAD, SHIFT_MASK, "7"),
        (SEVEN_ON_THE_KEYPAD, NUM | SHIFT_MASK, "Home"),
        ([0xFFAB, 0xFFAB], NUM, "+"),
        ([0xFFAE], NUM, "."),
    ],
)
def test_what_a_press_makes(row: list[int], state: int, made: str) -> None:
    assert made_by(row, state, NUM) == made


@pytest.mark.parametrize(
    ("row", "state"),
    [(A, 2 << 13), (A, 3 << 13), (A, 0x80), (A, 0x20), ([0xFE03], 0), (ONE, LOCK_MASK), ([0, 0], 0), ([], 0), ([0xFFE1], 0)],
)
def test_what_cannot_be_told_is_not_said(row: list[int], state: int) -> None:
    assert made_by(row, state, NUM) is None


def test_letters_and_their_case() -> None:
    assert letters([0x61, 0]) == ("a", "A")
    assert letters([0xDF, 0x3F]) == ("ß", "?")
    assert letters([]) == (None, None)
    assert is_cased("ä", "Ä")
    assert not is_cased("ß", "?")
    assert not is_cased("1", None)
