"""`reachability`: whether names resolve, and whether the relay and the policy's other targets answer, by TCP and by TLS.

Only what the organisation named is asked for: the relay, the targets of the settings, and the name servers that this machine is
configured with.
"""

import asyncio
import hmac
import ipaddress
import os
import socket
import ssl
import time
from datetime import UTC, datetime
from typing import ClassVar

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
from cryptography import x509

from agent.diagnostics.probe import Environment, Probe, Target, Unsupported
from agent.diagnostics.probes.dns_resolvers import name_servers
from hostio.relay_tls import tls_context, unjudged_context
from protocol.messages.diagnostics import Row
from protocol.relay_address import spki_sha256

STEP_SECONDS = 1.1
MOST_TARGETS = 8


def is_name(host: str) -> bool:
    """Whether `host` has to be resolved."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


def days_until_expiry(certificate_der: bytes, wall: float) -> int | None:
    """Whole days, negative when it has expired; None when the bytes are no certificate."""
    try:
        end = x509.load_der_x509_certificate(certificate_der).not_valid_after_utc
    except ValueError:
        return None
    return (end - datetime.fromtimestamp(wall, UTC)).days


def plain(error: BaseException) -> str:
    """The cause of a failure in few words."""
    if isinstance(error, TimeoutError):
        return f"no answer within {STEP_SECONDS:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return f"the name does not resolve: {error.strerror}"
    if isinstance(error, ssl.SSLError):
        return f"the TLS handshake failed: {error.reason or 'no reason given'}"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__


async def ask_name_server(server: str, name: str, port: int = 53) -> Row:
    """Ask one name server for the addresses of `name`. "No such name" is a failure for every name but `localhost`."""
    row: Row = {"test": "dns", "host": name, "port": 0, "address": server, "ok": False}
    started = time.monotonic()
    try:
        query = dns.message.make_query(name, dns.rdatatype.A)
        answer = await dns.asyncquery.udp(query, server, timeout=STEP_SECONDS, port=port)
        code = answer.rcode()
        row["ok"] = code == dns.rcode.NOERROR or (name == "localhost" and code in (dns.rcode.NXDOMAIN, dns.rcode.REFUSED))
        row["error"] = "" if row["ok"] else f"the name server answers {dns.rcode.to_text(code)}"
    except dns.exception.Timeout:
        row["error"] = f"no answer within {STEP_SECONDS:g} s"
    except (OSError, dns.exception.DNSException, ValueError) as error:
        row["error"] = plain(error)
    row["duration_ms"] = _milliseconds(started)
    return row


async def try_tcp(target: Target) -> Row:
    """Open and close a connection, resolving the name as every program does."""
    row: Row = {"test": "tcp", "host": target.host, "port": target.port, "ok": False, "error": ""}
    started = time.monotonic()
    try:
        async with asyncio.timeout(STEP_SECONDS):
            _, writer = await asyncio.open_connection(target.host, target.port)
        row |= {"ok": True, "address": str(writer.get_extra_info("peername")[0])}
        writer.close()
    except (OSError, TimeoutError) as error:
        row["error"] = plain(error)
    row["duration_ms"] = _milliseconds(started)
    return row


async def try_tls(target: Target, wall: float) -> Row:
    """A TLS handshake, judged as the agent's own connection judges it: by the pinned key, else by the system's authorities."""
    row: Row = {"test": "tls", "host": target.host, "port": target.port, "ok": False, "error": ""}
    started = time.monotonic()
    try:
        async with asyncio.timeout(STEP_SECONDS):
            context = unjudged_context() if target.pin else tls_context("")  # a pinned key is compared below
            _, writer = await asyncio.open_connection(target.host, target.port, ssl=context, server_hostname=target.host)
        tls = writer.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) or b""
        row |= {
            "ok": not target.pin or hmac.compare_digest(spki_sha256(certificate), bytes.fromhex(target.pin)),
            "address": str(writer.get_extra_info("peername")[0]),
            "tls_version": str(tls.version() or ""),
            "certificate_days": days_until_expiry(certificate, wall),
        }
        if not row["ok"]:
            row["error"] = "it does not hold the key that was pinned at enrolment: something in between answers for it"
        writer.close()
    except (OSError, TimeoutError) as error:
        row["error"] = plain(error)
    row["duration_ms"] = _milliseconds(started)
    return row


def _milliseconds(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)


class Reachability(Probe):
    """Name servers first, then TCP and TLS of each target."""

    table: ClassVar = "reachability"
    budget: ClassVar = 2.5

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        targets = list(dict.fromkeys(environment.targets))[:MOST_TARGETS]
        servers = name_servers(environment.read_text("/etc/resolv.conf", 16384) or "")
        names = list(dict.fromkeys(target.host for target in targets if is_name(target.host) and target.host != "localhost"))
        # With nothing to ask for, `localhost` shows that a name server answers at all and never leaves it (RFC 6761, 6.3).
        tests = [ask_name_server(server, name) for name in names or ["localhost"] for server in servers]
        tests += [try_tcp(target) for target in targets]
        tests += [try_tls(target, environment.wall()) for target in targets if target.tls]
        if not tests:
            raise Unsupported("There is nothing to test: no name server and no target is configured.")
        return list(await asyncio.gather(*tests))
