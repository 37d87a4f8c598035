"""What goes to a peer of an earlier protocol is what it understands."""

import pytest

from protocol.messages.input import Key, PointerMove
from protocol.messages.older import KEYS_BY_THEMSELVES, in_words_of
from protocol.version import PROTOCOL


def test_a_key_that_the_device_would_choose_is_typed_as_a_character_by_the_first_agents() -> None:
    key = Key("KeyA", "a", True, "auto")
    assert in_words_of(key, KEYS_BY_THEMSELVES - 1) == Key("KeyA", "a", True, "text")
    assert in_words_of(key, PROTOCOL) is key


@pytest.mark.parametrize("message", [Key("KeyA", "a", True, "physical"), Key("KeyA", "a", False), PointerMove(1, 2)])
def test_everything_else_stays_as_it_is(message: Key | PointerMove) -> None:
    assert in_words_of(message, 1) is message
