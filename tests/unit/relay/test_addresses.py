"""Whose address counts."""

import pytest

from relay.addresses import client_address, parse_address, parse_networks, rate_key, within

PROXIES = parse_networks(["10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["not an address"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("fd00::1", ["2001:db8::7"], "2001:db8::7"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
    ],
)
def test_a_forwarded_address_is_believed_only_from_trusted_proxies(remote: str, forwarded: list[str], expected: str) -> None:
    assert str(client_address(remote, forwarded, PROXIES)) == expected


def test_an_endless_header_is_read_from_its_end_and_not_to_its_beginning() -> None:
    header = ",".join(["10.0.0.2"] * 10_000)
    assert client_address("10.0.0.1", [header], PROXIES) == parse_address("10.0.0.2")


def test_ipv6_is_counted_by_subscriber() -> None:
    assert rate_key(parse_address("2001:db8:1:2:3::4")) == rate_key(parse_address("2001:db8:1:2:ffff::"))
    assert rate_key(parse_address("2001:db8:1:3::4")) != rate_key(parse_address("2001:db8:1:2::4"))
    assert rate_key(parse_address("::ffff:192.0.2.1")) == rate_key(parse_address("192.0.2.1")) == "192.0.2.1"
    assert rate_key(None) == "unknown"


def test_within_compares_only_the_same_family() -> None:
    assert within(parse_address("fd00::5"), PROXIES)
    assert not within(parse_address("fe80::1%eth0"), PROXIES)
    assert not within(None, PROXIES)


def test_a_wrong_network_is_named() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/99"):
        parse_networks(["10.0.0.0/99"])
