"""What people type, and the device it means."""

import pytest

from protocol.link_messages import DeviceRow
from technician_client.addressing import find_device, parse_code
from technician_client.errors import Ambiguous, NotFound


def row(peer: str, label: str) -> DeviceRow:
    return DeviceRow(peer, label, "Linux", True, 0.0)


ROWS = [row("aa11", "Till 1"), row("aa22", "Till 2"), row("bb33", "Reception"), row("cc44", "till"), row("aa", "Office")]


@pytest.mark.parametrize("words", ["482913507", "482 913 507", " 482-913-507 ", "482.913.507"])
def test_nine_digits_are_a_code_however_grouped(words: str) -> None:
    assert parse_code(words) == "482913507"


@pytest.mark.parametrize("words", ["", "48291350", "4829135077", "48291350a", "till", "٤٨٢٩١٣٥٠٧"])
def test_anything_else_is_no_code(words: str) -> None:
    assert parse_code(words) is None


@pytest.mark.parametrize(
    ("words", "peer"),
    [("bb33", "bb33"), ("Till 1", "aa11"), ("till", "cc44"), ("TILL 2", "aa22"), ("rec", "bb33"), ("bb", "bb33"), ("aa", "aa")],
)
def test_an_id_a_label_or_a_beginning_finds_the_device(words: str, peer: str) -> None:
    assert find_device(words, ROWS).id == peer


def test_several_are_listed_and_none_is_chosen() -> None:
    with pytest.raises(Ambiguous, match="aa11  Till 1") as ambiguous:
        find_device("Till ", [*ROWS[:2]])
    assert ambiguous.value.candidates == ("aa11", "aa22")
    with pytest.raises(Ambiguous, match="and 5 more"):
        find_device("pc", [row(f"x{number}", f"PC {number}") for number in range(25)])


def test_two_devices_of_one_label_are_ambiguous() -> None:
    with pytest.raises(Ambiguous):
        find_device("Till", [row("a1", "Till"), row("b2", "Till")])


@pytest.mark.parametrize("words", ["", "  ", "nobody"])
def test_none_is_said_to_be_none(words: str) -> None:
    with pytest.raises(NotFound):
        find_device(words, ROWS)


@pytest.mark.parametrize("words", ["482 913 507-ABCD EFGH", "482913507abcdefgh", "482-913-507-abcd-efgh"])
def test_a_guests_code_comes_out_whole_and_canonical(words: str) -> None:
    assert parse_code(words) == "482913507-ABCDEFGH"
