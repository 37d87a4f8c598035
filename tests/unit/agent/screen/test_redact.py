import numpy as np
import pytest

from agent.backends.geometry import Rect
from agent.screen.redact import DARK, LIGHT, HideRules, Redaction, stripes
from tests.unit.agent.screen.pictures import OPAQUE, photo


@pytest.mark.parametrize(
    ("pattern", "title", "kind", "hidden"),
    [
        ("*keepass*", "Passwords - KeePassXC", "keepassxc", True),
        ("keepassxc", "Passwords", "KeePassXC", True),
        ("keepassxc", "keepassxc manual", "firefox", False),
        ("*", "", "", True),
        ("[p]ay*", "Payroll 2026", "soffice", True),
        ("pay", "Payroll 2026", "soffice", False),
    ],
)
def test_patterns_match_titles_and_classes(pattern: str, title: str, kind: str, hidden: bool) -> None:
    assert HideRules(policy=(pattern,)).hides(title, kind) is hidden
    assert HideRules(windows=(pattern,)).hides(title, kind) is hidden
    assert HideRules(areas=(Rect(0, 0, 5, 5),)).hides(title, kind) is False


def test_the_viewer_is_told_by_whom() -> None:
    assert HideRules().sentence(0) == ""
    assert HideRules(policy=("a",)).sentence(1) == "One part of the screen is hidden, as the organisation wants."
    assert HideRules(windows=("a",)).sentence(2) == "2 parts of the screen are hidden, as the user wants."
    both = HideRules(policy=("a",), areas=(Rect(0, 0, 1, 1),))
    assert both.sentence(1).endswith("as the organisation and the user wants.")


def test_what_is_hidden_is_painted_over_inside_the_streamed_part_alone() -> None:
    redaction, picture = Redaction(100, 80, (50, 20)), photo(96, 112)
    before = picture.copy()
    redaction.paint(picture)
    assert np.array_equal(picture, before)
    assert sorted(redaction.update([Rect(40, 10, 30, 30), Rect(500, 500, 9, 9)]), key=str) == [Rect(0, 0, 20, 20)]
    redaction.paint(picture)
    assert set(np.unique(picture[:20, :20])) == {LIGHT | OPAQUE, DARK | OPAQUE}
    assert np.array_equal(picture[20:], before[20:])
    assert np.array_equal(picture[:, 20:], before[:, 20:])


def test_news_are_the_old_and_the_new_places() -> None:
    redaction = Redaction(100, 80, (0, 0))
    first, second = Rect(0, 0, 10, 10), Rect(20, 20, 10, 10)
    assert redaction.update([first]) == [first]
    assert redaction.update([first, first]) == []
    assert set(redaction.update([second])) == {first, second}
    assert redaction.update([]) == [second]


def test_stripes_are_no_window_s_content() -> None:
    pattern = stripes(64, 64)
    assert pattern[0, 0] == pattern[8, 8 - 8]
    assert pattern[0, 0] != pattern[0, 16]
