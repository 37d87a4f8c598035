"""Names, claims and times of the certificate profile."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.certificate_profile import (
    DeviceClaims,
    TechnicianClaims,
    decode_claims,
    encode_claims,
    in_utc,
    load_certificate,
    organisation_id,
    parse_san,
    san_of,
    subtree_of,
)
from protocol.errors import LocalProtocolError, TrustError
from protocol.link_messages import Role
from tests.kit.organisation import Organisation

ORGANISATION = "0123456789abcdef"


@pytest.mark.parametrize(
    "claims",
    [DeviceClaims("Büro 3", "office"), TechnicianClaims("Ana Ruiz", 2, ["front", "back"]), TechnicianClaims("日本 太郎", 1)],
)
def test_claims_come_back_as_they_were(claims: DeviceClaims | TechnicianClaims) -> None:
    value = encode_claims(claims)
    assert value[0] == 0x04  # a DER OCTET STRING
    assert decode_claims(value, Role.DEVICE if isinstance(claims, DeviceClaims) else Role.TECHNICIAN) == claims


@pytest.mark.parametrize(
    "claims",
    [
        DeviceClaims("", "g"),
        DeviceClaims("x" * 101, "g"),
        DeviceClaims("two\nlines", "g"),
        DeviceClaims("right\u202eleft", "g"),
        DeviceClaims(" padded", "g"),
        DeviceClaims("x", "\x1b[31m"),
        TechnicianClaims("x", 0),
        TechnicianClaims("x", 4),
        TechnicianClaims("x", 1, ["g"] * 33),
        TechnicianClaims("zero\u200bwidth", 1),
    ],
)
def test_claims_that_could_deceive_are_neither_issued_nor_read(claims: DeviceClaims | TechnicianClaims) -> None:
    with pytest.raises(LocalProtocolError, match="cannot be certified"):
        encode_claims(claims)


def test_claims_of_one_role_are_not_those_of_the_other() -> None:
    with pytest.raises(TrustError):
        decode_claims(encode_claims(DeviceClaims("x", "g")), Role.TECHNICIAN)
    with pytest.raises(TrustError):
        decode_claims(encode_claims(DeviceClaims("x", "g")), Role.SIGNER)


@given(st.binary(max_size=300), st.sampled_from(list(Role)))
def test_garbage_is_no_claims(data: bytes, role: Role) -> None:
    with pytest.raises(TrustError):
        decode_claims(data, role)


def test_long_claims_are_not_even_parsed() -> None:
    with pytest.raises(TrustError, match="too long"):
        decode_claims(b"\x04" * 3000, Role.DEVICE)


@pytest.mark.parametrize("role", list(Role))
def test_a_name_is_read_as_it_was_made(role: Role) -> None:
    peer = "signer" if role is Role.SIGNER else "abc123"
    assert parse_san(san_of(role, peer, ORGANISATION)) == (role, peer, ORGANISATION)


@pytest.mark.parametrize("peer", ["", "A", "a.b", "a-b", "x" * 41, "é", "a\n"])
def test_a_peer_id_is_plain(peer: str) -> None:
    with pytest.raises(LocalProtocolError):
        san_of(Role.DEVICE, peer, ORGANISATION)


@pytest.mark.parametrize(
    "name",
    [
        "",
        f"abc.{ORGANISATION}.handrail.invalid",
        f"a.b.device.{ORGANISATION}.handrail.invalid",
        f"abc.device.{ORGANISATION}.handrail.invalid.example",
        f"ABC.device.{ORGANISATION}.handrail.invalid",
        f"abc.device.{ORGANISATION[:-1]}.handrail.invalid",
        f"abc.signer.{ORGANISATION}.handrail.invalid",
        f"*.device.{ORGANISATION}.handrail.invalid",
        f"abc.device.{ORGANISATION}.handrail.invalid\n",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(TrustError):
        parse_san(name)


def test_the_subtree_of_each_role_is_its_own() -> None:
    assert len({subtree_of(role, ORGANISATION) for role in Role}) == len(Role)


def test_time_is_utc_in_whole_seconds() -> None:
    noon = datetime(2026, 11, 21, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    assert in_utc(noon) == datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)
    with pytest.raises(LocalProtocolError):
        in_utc(datetime(2026, 11, 21))  # noqa: DTZ001


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"x" * 5000])
def test_what_is_no_certificate_is_refused(data: bytes) -> None:
    with pytest.raises(TrustError):
        load_certificate(data)
    with pytest.raises(TrustError):
        organisation_id(data)


def test_a_key_of_an_unknown_kind_is_refused() -> None:
    """Found by the fuzzer: the library has an error of its own for it, which is no ValueError."""
    root = Organisation().root
    changed = root.replace(bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3b0201"))
    assert changed != root
    with pytest.raises(TrustError, match="key cannot be read"):
        organisation_id(changed)
