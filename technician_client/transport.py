"""Dialling the relay: its address, its TLS key, its WebSockets.

The relay's TLS key is pinned when the organisation's bundle names it (`relay_spki`, hex SHA-256 of the SubjectPublicKeyInfo);
else the system's certificate authorities vouch for it. Plain HTTP is accepted for this computer itself only. No redirect is
followed: a ticket must never reach an address that nobody wrote down.
"""

import hmac
import ssl
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidProxy, InvalidStatus, InvalidURI, ProxyError

from hostio.errors import RelayUnreachable
from protocol.errors import HandrailError, RefusalReason, Refused, TrustError
from protocol.relay_address import RelayAddress, RelayAddressError, parse_pin, spki_sha256
from protocol.version import PRODUCT
from technician_client.settings import Settings


class PinMismatch(ssl.SSLError):
    """The relay's TLS key is not the pinned one. An `OSError`, so that the event loop passes it on quietly."""


def tls_context(spki_pin: str) -> ssl.SSLContext:
    """A client context that accepts exactly the key whose SPKI hashes to `spki_pin` (hex SHA-256), or, when it is "", what
    the system's certificate authorities vouch for. The pin is compared inside the handshake: before a byte of ours is sent.

    Raises:
        RelayAddressError: the pin is not 64 hex digits.
    """
    if not spki_pin:
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context
    expected = parse_pin(spki_pin)

    class _PinnedObject(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            der = self.getpeercert(binary_form=True)
            if der is None or not hmac.compare_digest(spki_sha256(der), expected):
                raise PinMismatch("the relay's TLS key is not the pinned one")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the pin below is the check; a self-signed relay has nothing else to show
    context.sslobject_class = _PinnedObject
    return context


class _Connect(connect):
    """`connect` that follows no redirect."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def open_websocket(
    address: RelayAddress,
    path: str,
    *,
    spki_pin: str,
    settings: Settings,
    max_bytes: int,
    ticket: str = "",
) -> ClientConnection:
    """Open one WebSocket at the relay. Proxies of the environment are honoured (never for this computer itself).

    Args:
        max_bytes: the largest message that will be read.
        ticket: goes into the Authorization header, so that no log of addresses holds it.

    Raises:
        TrustError: the relay's TLS key or certificate is not the right one.
        Refused: the relay answered no (used ticket, too many attempts).
        RelayUnreachable: no connection, no TLS, no WebSocket, or not in time.
        RelayAddressError: the pin or the proxy's address is malformed.
    """
    options: dict[str, Any] = {}
    if address.scheme == "https":
        options["ssl"] = tls_context(spki_pin)
    if address.loopback:
        proxy: str | bool | None = None
    else:
        proxy = True if settings.proxy is None else (settings.proxy or None)
    try:
        return await _Connect(
            address.websocket(path),
            additional_headers={"Authorization": f"Bearer {ticket}"} if ticket else None,
            user_agent_header=f"handrail/{PRODUCT}",
            compression=None,
            proxy=proxy,  # type: ignore[arg-type]  # True is documented: take the system's proxies
            open_timeout=settings.connect_seconds,
            close_timeout=2,
            max_size=max_bytes,
            max_queue=64,
            **options,
        )
    except PinMismatch as error:
        raise TrustError(
            f"{address.origin} does not hold the key that your organisation's bundle names. Either somebody sits in "
            "between, or the relay was given a new key: ask your administrator, and do not go on."
        ) from error
    except ssl.SSLCertVerificationError as error:
        raise TrustError(
            f"{address.origin} shows a certificate that this computer does not trust ({error.verify_message})."
        ) from error
    except InvalidStatus as error:
        raise _status_error(address, error.response.status_code) from error
    except (InvalidProxy, InvalidURI) as error:
        raise RelayAddressError(f"The proxy or relay address cannot be used: {error}") from error
    except ImportError as error:
        raise RelayAddressError("A SOCKS proxy is configured, which needs one package more: pip install python-socks") from error
    except ProxyError as error:
        raise RelayUnreachable(f"The proxy on the way to {address.origin} refused: {error}") from error
    except (OSError, TimeoutError, InvalidHandshake, EOFError) as error:
        raise RelayUnreachable(
            f"The relay {address.origin} does not answer ({_plain(error)}). Check the network and that the relay runs."
        ) from error


def _status_error(address: RelayAddress, status: int) -> HandrailError:
    if status in (401, 403):
        return Refused("The relay did not accept the ticket: it was used, or too old. Try again.", reason=RefusalReason.EXPIRED)
    if status == 429:
        return RelayUnreachable(f"{address.origin} asks for patience: too many attempts. Wait a minute.", retry_after=60.0)
    return RelayUnreachable(f"{address.origin} answered {status}: it is no Handrail relay, or it is not ready yet.")


def _plain(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
