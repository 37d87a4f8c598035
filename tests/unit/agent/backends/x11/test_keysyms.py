import pytest

from agent.backends.x11.keysyms import NAMED, character_of, keysym_of


@pytest.mark.parametrize(
    ("character", "keysym"),
    [("a", 0x61), ("é", 0xE9), ("ß", 0xDF), ("€", 0x010020AC), ("Ж", 0x01000416), ("日", 0x010065E5), ("😀", 0x0101F600)],
)
def test_characters_have_keysyms_that_say_the_same_back(character: str, keysym: int) -> None:
    assert keysym_of(character) == keysym
    assert character_of(keysym) == character


@pytest.mark.parametrize(("text", "name"), [("\n", "Enter"), ("\t", "Tab"), ("\x1b", "Escape")])
def test_control_characters_are_keys(text: str, name: str) -> None:
    assert keysym_of(text) == NAMED[name]


@pytest.mark.parametrize("character", ["\x00", "\x01", "\x90", "\ud800"])
def test_what_is_no_character_cannot_be_typed(character: str) -> None:
    assert keysym_of(character) is None


@pytest.mark.parametrize(
    ("keysym", "character"),
    [(0x6C1, "а"), (0x6E1, "А"), (0x20AC, "€"), (0x1B1, "ą"), (0x7E1, "α"), (0xCE0, "א"), (0xDA1, "ก")],
)
def test_older_keysyms_of_layouts_are_understood(keysym: int, character: str) -> None:
    assert character_of(keysym) == character


@pytest.mark.parametrize("keysym", [0, 0xFF0D, 0xFFE1, 0x1008FF11, 0x6A0 - 0x20, 0x01FFFFFF])
def test_keys_that_make_no_character_say_so(keysym: int) -> None:
    assert character_of(keysym) is None
