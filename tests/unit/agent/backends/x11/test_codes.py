import pytest

from agent.backends.x11.codes import COMMAND, EVDEV, SHIFT, keycode_of

KEYCODES = {
    "KeyA": 38,
    "KeyP": 33,
    "KeyM": 58,
    "Digit1": 10,
    "Digit0": 19,
    "Enter": 36,
    "Space": 65,
    "F1": 67,
    "F10": 76,
    "F11": 95,
    "F12": 96,
    "F13": 191,
    "ArrowUp": 111,
    "ShiftLeft": 50,
    "AltRight": 108,
    "Delete": 119,
}


@pytest.mark.parametrize(("code", "keycode"), KEYCODES.items())
def test_places_of_keys_are_those_of_evdev(code: str, keycode: int) -> None:
    assert keycode_of(code) == keycode


def test_an_unknown_key_has_no_place() -> None:
    assert keycode_of("KeyÄ") is None
    assert keycode_of("") is None


def test_no_two_keys_share_a_place_and_all_fit_into_x() -> None:
    assert len(set(EVDEV.values())) == len(EVDEV)
    assert all(8 < value + 8 < 256 for value in EVDEV.values())


def test_modifiers_are_keys() -> None:
    assert all(keycode_of(code) for code in SHIFT | COMMAND)
