"""`dns_resolvers`: which name servers this machine asks, from resolv.conf(5)."""

from typing import ClassVar

from agent.diagnostics.probe import Environment, Probe, Unsupported
from protocol.messages.diagnostics import Row


def parse_resolv_conf(text: str) -> list[Row]:
    """resolv.conf(5): name servers and search domains, in order; the C library heeds the first three name servers."""
    rows: list[Row] = []
    search: list[str] = []
    for line in text.splitlines():
        words = line.split("#", 1)[0].split(";", 1)[0].split()
        if len(words) >= 2 and words[0] == "nameserver":
            rows.append({"id": len(rows), "type": "nameserver", "address": words[1]})
        elif len(words) >= 2 and words[0] in ("search", "domain"):
            search = words[1:]  # the last one of either keyword counts
    return rows + [{"id": index, "type": "search", "address": domain} for index, domain in enumerate(search)]


def name_servers(text: str) -> list[str]:
    """Addresses of the name servers that are really asked, without zones of link-local addresses."""
    return [str(row["address"]) for row in parse_resolv_conf(text) if row["type"] == "nameserver"][:3]


class DnsResolvers(Probe):
    """A row per name server and search domain."""

    table: ClassVar = "dns_resolvers"

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        text = environment.read_text("/etc/resolv.conf", 16384)
        if text is None:
            raise Unsupported("This machine has no /etc/resolv.conf.")
        return parse_resolv_conf(text)
