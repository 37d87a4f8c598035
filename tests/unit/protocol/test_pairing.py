"""Commit, reveal, SAS."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import TrustError
from protocol.pairing import check_commitment, commitment, short_authentication_string

NONCE = bytes(range(32))


def sas(**change: bytes) -> str:
    values = {
        "technician_nonce": NONCE,
        "agent_nonce": b"a" * 32,
        "technician_key": b"t" * 32,
        "agent_key": b"k" * 32,
        "exporter": b"e" * 32,
    } | change
    return short_authentication_string(values.pop("exporter"), **values)


def test_a_commitment_opens_with_its_nonce_alone() -> None:
    check_commitment(commitment(NONCE), NONCE)
    with pytest.raises(TrustError):
        check_commitment(commitment(NONCE), bytes(32))
    with pytest.raises(TrustError):
        check_commitment(commitment(NONCE[:31]), NONCE[:31])


def test_the_sas_is_six_digits_and_golden() -> None:
    assert sas() == sas()
    assert len(sas()) == 6
    assert sas().isdigit()


@pytest.mark.parametrize("name", ["technician_nonce", "agent_nonce", "technician_key", "agent_key", "exporter"])
@given(data=st.binary(min_size=32, max_size=32))
def test_every_input_changes_the_sas(name: str, data: bytes) -> None:
    others = {sas(**{name: bytes((i,)) + data[1:]}) for i in range(16)}
    assert len(others) > 12
