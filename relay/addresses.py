"""Who is really asking: the peer's IP address, seen through trusted proxies."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks or single addresses.

    Raises:
        ValueError: one of them is neither; the text names it.
    """
    return tuple(ip_network(text.strip(), strict=False) for text in texts)


def parse_address(text: str) -> Address | None:
    """An address without scope or port, IPv4-mapped IPv6 unwrapped; None when the text is none."""
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def within(address: Address | None, networks: Sequence[Network]) -> bool:
    """Whether the address lies in one of the networks."""
    return address is not None and any(address in network for network in networks if network.version == address.version)


def client_address(remote: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> Address | None:
    """The first address, from the relay outward, that is not a trusted proxy.

    Args:
        remote: the TCP peer.
        forwarded: the values of all X-Forwarded-For headers, in order. They are believed only as far as a trusted proxy wrote
            them: the list is read from its end, because whoever is in front writes at the end.
        trusted: networks of the operator's own proxies.
    """
    address = parse_address(remote)
    if not within(address, trusted):
        return address
    hops = [hop for value in forwarded for hop in value.split(",")]
    for hop in reversed(hops[-32:]):
        found = parse_address(hop)
        if found is None:
            return address
        address = found
        if not within(address, trusted):
            return address
    return address


def rate_key(address: Address | None) -> str:
    """What to count under: an IPv4 address, or the /64 that one IPv6 subscriber has."""
    if address is None:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address)
