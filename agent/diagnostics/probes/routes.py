"""`routes`: where packets go, from `ip -json route`, or /proc/net where there is no `ip`."""

import ipaddress
import socket
import struct
from typing import Any, ClassVar

import msgspec

from agent.diagnostics.probe import Environment, Probe, ProbeError, Unsupported, failure
from protocol.messages.diagnostics import Row

_DECODER = msgspec.json.Decoder(list[dict[str, Any]])
_EVERYTHING = {"ipv4": "0.0.0.0", "ipv6": "::"}  # noqa: S104 - a destination in a routing table, nothing is bound


def parse_ip_routes(data: bytes, family: str) -> list[Row]:
    """`ip -json route` of one family (ipv4 or ipv6); its own addresses and multicast are left out by the table asked for.

    Raises:
        ValueError: not what `ip` prints.
    """
    rows: list[Row] = []
    for route in _DECODER.decode(data or b"[]"):
        destination = str(route.get("dst", ""))
        everything = destination == "default"
        network, _, bits = (_EVERYTHING[family] if everything else destination).partition("/")
        kind = str(route.get("type", "unicast"))
        rows.append(
            {
                "destination": network,
                "netmask": 0 if everything else int(bits or (32 if family == "ipv4" else 128)),
                "gateway": str(route.get("gateway", "")),
                "source": str(route.get("prefsrc", "")),
                "interface": str(route.get("dev", "")),
                "metric": int(route.get("metric", 0)),
                "type": kind if kind != "unicast" else ("gateway" if "gateway" in route else "local"),
                "family": family,
            }
        )
    return rows


def parse_proc_route(text: str) -> list[Row]:
    """/proc/net/route: IPv4, addresses as little-endian hexadecimal numbers."""
    rows: list[Row] = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8:
            continue
        gateway = _address(fields[2])
        rows.append(
            {
                "destination": _address(fields[1]),
                "netmask": ipaddress.IPv4Network(f"0.0.0.0/{_address(fields[7])}").prefixlen,
                "gateway": "" if gateway == _EVERYTHING["ipv4"] else gateway,
                "source": "",
                "interface": fields[0],
                "metric": int(fields[6]),
                "type": "local" if gateway == _EVERYTHING["ipv4"] else "gateway",
                "family": "ipv4",
            }
        )
    return rows


def _address(little_endian: str) -> str:
    return socket.inet_ntoa(struct.pack("<I", int(little_endian, 16)))


class Routes(Probe):
    """A row per route of the main tables."""

    table: ClassVar = "routes"

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        if environment.tool("ip") is None:
            text = environment.read_text("/proc/net/route")
            if text is None:
                raise Unsupported("This machine has neither `ip` nor /proc/net/route.")
            return parse_proc_route(text)
        rows: list[Row] = []
        for family, option in (("ipv4", "-4"), ("ipv6", "-6")):
            result = await environment.run(["ip", "-json", option, "route", "show"], seconds=0.4)
            if result.exit_code != 0 and family == "ipv4":
                raise ProbeError(failure("ip", result))
            rows += parse_ip_routes(result.stdout, family) if result.exit_code == 0 else []
        return rows
