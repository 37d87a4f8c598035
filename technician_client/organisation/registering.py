"""Registering the organisation at a relay, with the one-time token that the relay's operator was shown."""

import hashlib
import ssl
from typing import Annotated

import msgspec

from hostio.errors import RelayUnreachable
from hostio.relay_http import RelayHttp
from protocol.errors import RefusalReason, Refused, TrustError
from protocol.link_messages import OrganisationId
from protocol.relay_address import parse_relay_url, spki_sha256
from technician_client.organisation.record import OrganisationHome, OrganisationRecord

CONNECT_SECONDS = 10.0


class _Registered(msgspec.Struct, frozen=True):
    organisation: OrganisationId
    relay_spki: Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9a-f]{64})?\Z")]
    origin: str


def find_pin(url: str, pin: str) -> str:
    """The pin to use for a relay: the given one; for a relay on this computer the one it shows, since nobody can sit in
    between; "" (the system's CAs) for all others.

    Raises:
        RelayAddressError: the address cannot be used.
        RelayUnreachable: nothing answers on this computer.
    """
    address = parse_relay_url(url)
    if pin:
        return pin.strip().lower().replace(":", "")
    if not address.loopback or address.scheme != "https":
        return ""
    try:
        shown = ssl.get_server_certificate((address.host, address.port), timeout=CONNECT_SECONDS)
        certificate = ssl.PEM_cert_to_DER_cert(shown)
    except OSError as error:
        raise RelayUnreachable(
            f"No relay answers at {address.origin} ({error.strerror or error}). Start it: handrail-relay "
            "serve --config relay.toml"
        ) from error
    return spki_sha256(certificate).hex()


def register(
    home: OrganisationHome, record: OrganisationRecord, *, url: str, token: str, pin: str = "", proxy: str | None = None
) -> OrganisationRecord:
    """Register, and write down the relay as it wants to be dialled.

    Args:
        pin: hex SHA-256 of the relay's TLS SPKI, as `handrail-relay init` printed it ("": see `find_pin`).
        proxy: as in `hostio.dialling.Dialling`.

    Raises:
        TrustError: the relay does not hold the pinned key, or answers for another organisation.
        Refused: the token is wrong or used.
        RelayUnreachable: the relay is away.
    """
    used = find_pin(url, pin)
    http = RelayHttp(url, used, proxy=proxy)
    answer = http.post_json("/api/v1/organisations", {"token": token, "root": record.root, "name": record.name})
    if answer.status in (401, 403):
        raise Refused(
            f"The relay does not accept the registration token: {answer.problem()} Its operator makes a new "
            "one with `handrail-relay token`.",
            reason=RefusalReason.NOT_FOUND,
        )
    if answer.status not in (200, 201):
        raise RelayUnreachable(f"{http.url} did not register the organisation: {answer.problem()}")
    try:
        registered = msgspec.json.decode(answer.body, type=_Registered)
    except (ValueError, RecursionError) as error:
        raise RelayUnreachable(f"{http.url} is no Handrail relay, or one of another version.") from error
    if registered.organisation != record.organisation:
        raise TrustError("The relay registered another organisation than this one. Do not use it.")
    origin = parse_relay_url(registered.origin).origin
    if used and registered.relay_spki and registered.relay_spki != used:
        raise TrustError("The relay names another TLS key than the one it was reached by. Check the pin and the relay's proxy.")
    changed = msgspec.structs.replace(record, relay=origin, relay_spki=registered.relay_spki or used)
    home.save(changed)
    return changed


def short_pin(pin: str) -> str:
    """A pin for people to compare."""
    return ":".join(pin[start : start + 4] for start in range(0, 32, 4)) if pin else "the system's certificate authorities"


def root_words(record: OrganisationRecord) -> str:
    """The organisation's root key for people to compare (first 16 bytes of its certificate's SHA-256)."""
    digest = hashlib.sha256(record.root).hexdigest()
    return " ".join(digest[start : start + 4] for start in range(0, 32, 4))
