"""Which clipboard there is."""

import sys

import pytest

from agent.backends.clipboard import Offer, open_clipboard
from protocol.errors import Unavailable


def test_without_a_display_it_says_what_to_do() -> None:
    with pytest.raises(Unavailable, match="inside the desktop session"):
        open_clipboard("", lambda: None, {})


def test_on_other_systems_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(Unavailable, match="cannot be used on this system"):
        open_clipboard(":0", lambda: None)


def test_nothing_is_offered_unless_it_is_said() -> None:
    assert Offer() == Offer((), concealed=False, ours=False)
