"""THREATS.md says what the suite shows, and the suite shows what THREATS.md says."""

import pytest

from tests.attacks.rows import ROWS
from tests.attacks.threats import BEGIN, DOCUMENT, END, generated, rows_shown
from tests.kit.controls import CONTROLS, take_away


def test_there_are_52_rows() -> None:
    assert list(ROWS) == list(range(1, 53))


def test_every_row_has_tests_or_says_why_not() -> None:
    for number, tests in rows_shown().items():
        assert bool(tests) != bool(ROWS[number].not_covered), f"row {number}: {sorted(tests)} {ROWS[number].not_covered!r}"


def test_the_table_of_the_document_is_that_of_the_suite() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    found = text[text.index(BEGIN) : text.index(END) + len(END)]
    assert found == generated(), "run: python -m tests.attacks.threats"


def test_every_control_is_taken_away_by_some_test() -> None:
    """A control that nobody takes away proves nothing."""
    used = {name for tests in rows_shown().values() for names in tests.values() for name in names}
    assert used == set(CONTROLS)


@pytest.mark.parametrize("name", sorted(CONTROLS))
def test_every_control_can_still_be_taken_away(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it replaces is still there, under that name."""
    take_away(name, monkeypatch.setattr)
