"""What a code looks like, and what people make of it when they type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code, make_secret, parse_code
from protocol.errors import LocalProtocolError


@pytest.mark.parametrize(
    "words",
    ["482 913 507-ABCD EFGH", "482913507-ABCDEFGH", " 482 913 507 abcd efgh ", "482-913-507-abcd-efgh", "482913507abcdefgh"],
)
def test_a_guests_code_however_it_is_typed(words: str) -> None:
    code = parse_code(words)
    assert code == Code("482913507", "ABCDEFGH")
    assert code.guest
    assert (code.text, code.spoken) == ("482913507-ABCDEFGH", "482 913 507-ABCD EFGH")


@pytest.mark.parametrize("words", ["482 913 507", "482913507", "482.913.507", "482-913-507"])
def test_nine_digits_alone_are_the_code_of_an_enrolled_device(words: str) -> None:
    code = parse_code(words)
    assert code == Code("482913507")
    assert not code.guest
    assert (code.text, code.spoken) == ("482913507", "482 913 507")


@pytest.mark.parametrize(
    "words",
    ["", "48291350", "4829135077", "482913507-ABCDEFG", "482913507-ABCDEFGHI", "482913507-ABCDEFG9", "٤٨٢٩١٣٥٠٧", "till-3"],
)
def test_anything_else_is_no_code(words: str) -> None:
    assert parse_code(words) is None


def test_letters_that_were_misread_as_digits_are_mended() -> None:
    assert parse_code("482913507-0188EFGH") == Code("482913507", "OIBBEFGH")


def test_a_code_of_another_form_cannot_be_made() -> None:
    for parts in (("48291350",), ("482913507", "ABC"), ("482913507", "abcdefgh"), ("482913507", "ABCDEFG1")):
        with pytest.raises(LocalProtocolError):
            Code(*parts)


def test_the_secret_half_stands_in_no_log() -> None:
    assert "ABCDEFGH" not in repr(Code("482913507", "ABCDEFGH"))


@given(st.binary(min_size=5, max_size=5))
def test_a_secret_is_forty_random_bits_and_comes_back(seed: bytes) -> None:
    secret = make_secret(lambda count: seed[:count])
    assert len(secret) == 8
    assert parse_code(Code("000000000", secret).spoken) == Code("000000000", secret)


@given(st.text(max_size=40))
def test_no_text_is_more_than_no_code(words: str) -> None:
    found = parse_code(words)
    assert found is None or parse_code(found.text) == found
