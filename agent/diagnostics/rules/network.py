"""Rules about the network: names, the way to the relay, what listens to everybody."""

import ipaddress

from agent.diagnostics.findings import Rule, Tables, Trouble, number, text
from protocol.messages.diagnostics import Cell, Row

# Services that are meant for this machine or a closed network and are often left open by mistake, by TCP port.
EXPOSED = {
    21: "FTP",
    23: "Telnet",
    111: "portmapper",
    139: "file sharing (NetBIOS)",
    445: "file sharing (SMB)",
    1433: "Microsoft SQL Server",
    2049: "NFS",
    2375: "Docker without encryption",
    3306: "MySQL or MariaDB",
    3389: "remote desktop (RDP)",
    5432: "PostgreSQL",
    5900: "remote desktop (VNC)",
    5901: "remote desktop (VNC)",
    6000: "X11",
    6379: "Redis",
    9200: "Elasticsearch",
    11211: "memcached",
    27017: "MongoDB",
}
_TCP = 6
SOON_DAYS = 14.0


def names(tables: Tables) -> list[Trouble]:
    """No name server answers, or none knows what is asked for."""
    tests = [row for row in tables.rows("reachability") if row.get("test") == "dns"]
    failed = [row for row in tests if row.get("ok") is False]
    if not tests or len(failed) < len(tests):
        return []
    first = failed[0]
    return [
        Trouble(
            "critical",
            f"Names cannot be looked up: {text(first, 'error')} ({text(first, 'address')}). Web pages and mail do not "
            f"load although the "
            "network itself may work.",
            {
                "name_servers": ", ".join(dict.fromkeys(text(row, "address") for row in failed)),
                "asked_for": text(first, "host"),
                "error": text(first, "error"),
            },
        )
    ]


def unreachable(tables: Tables) -> list[Trouble]:
    """A target that answers not at all, or not with a certificate that can be trusted; or one whose certificate ends soon."""
    tests = tables.rows("reachability")
    connected = {_target(row): row for row in tests if row.get("test") == "tcp"}
    secured = {_target(row): row for row in tests if row.get("test") == "tls"}
    troubles = []
    for target in dict.fromkeys((*connected, *secured)):
        tcp, tls = connected.get(target, {}), secured.get(target, {})
        host, port = target
        evidence: dict[str, Cell] = {
            "host": host,
            "port": port,
            "connects": tcp.get("ok"),
            "secure": tls.get("ok"),
            "error": text(tls, "error") or text(tcp, "error"),
            "certificate_days": tls.get("certificate_days"),
        }
        if tcp.get("ok") is False:
            says = f"{host}:{port} cannot be reached: {text(tcp, 'error')}. The network, a firewall or the other side is down."
            troubles.append(Trouble("critical", says, evidence))
        elif tls.get("ok") is False:
            says = (
                f"{host}:{port} answers, but no secure connection comes about: {text(tls, 'error')}. A wrong clock, "
                f"an expired certificate or "
                "something that opens encrypted traffic on the way causes this."
            )
            troubles.append(Trouble("critical", says, evidence))
        elif (days := number(tls, "certificate_days")) is not None and days < SOON_DAYS:
            troubles.append(
                Trouble(
                    "warning",
                    f"The certificate of {host}:{port} ends in {days:.0f} days. After that nobody can connect.",
                    evidence,
                )
            )
    return troubles


def _target(row: Row) -> tuple[str, int]:
    return text(row, "host"), int(number(row, "port") or 0)


def exposed(tables: Tables) -> list[Trouble]:
    """Something that is usually private listens on every address or on one that others can reach."""
    found: dict[int, Row] = {}
    for row in tables.rows("listening_ports"):
        port = number(row, "port")
        if row.get("protocol") == _TCP and port is not None and int(port) in EXPOSED and not _private(text(row, "address")):
            found.setdefault(int(port), row)
    if not found:
        return []
    described = [f"{EXPOSED[port]} on port {port}" for port in sorted(found)]
    return [
        Trouble(
            "notice",
            f"Other computers can connect to {', '.join(described[:5])}. If that is not intended, close it or limit "
            f"it to this computer.",
            {
                "ports": ", ".join(str(port) for port in sorted(found)),
                "programs": ", ".join(sorted({text(row, "name") or "?" for row in found.values()})),
                "address": text(found[min(found)], "address"),
            },
        )
    ]


def _private(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return True


NETWORK_RULES = (
    Rule("dns_unreachable", "Names cannot be looked up", ("reachability",), names, "flush-dns"),
    Rule("tls_unreachable", "A server that is needed cannot be reached", ("reachability",), unreachable),
    Rule("listening_exposed", "A private service is open to others", ("listening_ports",), exposed),
)
