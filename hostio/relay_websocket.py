"""WebSockets to the relay: the control link, and tunnels that a ticket pays for.

The relay's key is compared before the request (and so a ticket) is sent (`hostio.relay_tls`). No redirect is followed: a ticket
must never reach an address that nobody wrote down.
"""

import ssl
import time
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI, ProxyError
from websockets.http11 import Response

from hostio.dialling import Dialling
from hostio.errors import RelayUnreachable, TicketRefused, in_words
from hostio.proxies import NEEDS_SOCKS, proxy_for, proxy_url
from hostio.relay_tls import PinMismatch, tls_context, untrusted, wrong_key
from protocol.errors import HandrailError, RefusalReason
from protocol.patience import asked_by_header
from protocol.relay_address import RelayAddress, RelayAddressError
from protocol.version import PRODUCT

CLOSE_SECONDS: Final = 2.0
PING_SECONDS: Final = 20.0
PATIENCE_SECONDS: Final = 60.0


class _Connect(connect):
    """`connect` that follows no redirect."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def open_websocket(
    address: RelayAddress, path: str, *, spki: str, dialling: Dialling, max_bytes: int, ticket: str = ""
) -> ClientConnection:
    """Open one WebSocket at the relay. Proxies are never used for this computer itself.

    Args:
        spki: hex SHA-256 of the relay's SPKI, "" for the system's certificate authorities.
        max_bytes: the largest message that will be read.
        ticket: goes into the Authorization header, so that no log of addresses holds it.

    Raises:
        TrustError: the relay's TLS key or certificate is not the right one.
        TicketRefused: the relay did not take the ticket.
        RelayUnreachable: no connection, no TLS, no WebSocket, or not in time.
        RelayAddressError: the pin or the proxy's address is malformed.
    """
    proxy_for(address, dialling.proxy)  # says in our words what is no proxy's address, and none of the passwords in it
    try:
        return await _Connect(
            address.websocket(path),
            ssl=tls_context(spki) if address.scheme == "https" else None,
            additional_headers={"Authorization": f"Bearer {ticket}"} if ticket else None,
            user_agent_header=f"{dialling.program}/{PRODUCT}",
            compression=None,
            proxy=proxy_url(address, dialling.proxy),
            open_timeout=dialling.connect_seconds,
            close_timeout=CLOSE_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS,
            max_size=max_bytes,
            max_queue=dialling.max_queue,
            write_limit=dialling.write_limit,
        )
    except PinMismatch as error:
        raise wrong_key(address.origin) from error
    except ssl.SSLCertVerificationError as error:
        raise untrusted(address.origin, error) from error
    except InvalidStatus as error:
        raise _status_error(address, error.response) from error
    except InvalidURI as error:
        raise RelayAddressError(f"The relay's address cannot be used: {error}") from error
    except ImportError as error:
        raise RelayAddressError(NEEDS_SOCKS) from error
    except ProxyError as error:
        raise RelayUnreachable(f"The proxy on the way to {address.origin} does not let us through: {error}.") from error
    except (OSError, TimeoutError, InvalidHandshake, EOFError) as error:
        raise RelayUnreachable(
            f"The relay {address.origin} does not answer ({in_words(error)}). Check the network and that the relay runs."
        ) from error


def _status_error(address: RelayAddress, response: Response) -> HandrailError:
    status = response.status_code
    asked = asked_by_header((response.headers.get_all("Retry-After") or [""])[0], time.time())
    if status in (401, 403):
        text = f"{address.origin} did not take the ticket: it was used or is too old. Try again."
        return TicketRefused(text, reason=RefusalReason.EXPIRED)
    if status == 429:
        text = f"{address.origin} asks for patience: too many attempts from here. Wait a minute."
        return RelayUnreachable(text, retry_after=PATIENCE_SECONDS if asked is None else asked)
    if status == 503:
        return RelayUnreachable(f"{address.origin} is starting, stopping or full. Try again in a moment.", retry_after=asked)
    return RelayUnreachable(
        f"{address.origin} answered {status}: it is no Handrail relay, or something in between answers for it."
    )
