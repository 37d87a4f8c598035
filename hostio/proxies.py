"""Which proxy stands between this computer and its relay: one rule for WebSockets and for short HTTP requests.

A setting names one (`http://[user:password@]host:port`, `https://...`, `socks5h://...`), says that there is none, or leaves it to
the system. Never for this computer itself. A proxy sees where the connection goes, and TLS from then on: the relay's key is
judged behind it as anywhere else.
"""

from typing import TYPE_CHECKING, Final

from protocol.relay_address import RelayAddress, RelayAddressError

if TYPE_CHECKING:
    from websockets.proxy import Proxy as Proxy

NEEDS_SOCKS: Final = "A SOCKS proxy is configured, which needs one package more: pip install python-socks"
_LIKE: Final = (
    "Write it like http://proxy.example:3128; a name and its password stand before the host, as in name:password@proxy.example."
)
_UNREAD: Final = "its host or port cannot be read"

# What decides is the WebSockets' library, imported where it is needed: commands that dial nothing need not load it.


def proxy_url(address: RelayAddress, setting: str | None) -> str | None:
    """The URL of the proxy on the way to a relay; None: there is none. `setting`: a URL, "" for none, None for the system's."""
    if address.loopback:
        return None
    if setting is not None:
        return setting or None
    from websockets.proxy import get_proxy
    from websockets.uri import parse_uri

    found = get_proxy(parse_uri(address.websocket("/")))
    return found if found is None or "//" in found else f"http://{found}"


def proxy_for(address: RelayAddress, setting: str | None) -> "Proxy | None":
    """The same, read.

    Raises:
        RelayAddressError: it is no proxy's address.
    """
    url = proxy_url(address, setting)
    if url is None:
        return None
    from websockets.exceptions import InvalidProxy
    from websockets.proxy import parse_proxy

    # Neither the address nor what the libraries say of it is repeated: a password may stand there, even where a port should.
    try:
        return parse_proxy(url)
    except InvalidProxy as error:
        raise RelayAddressError(f"The proxy's address cannot be used: {error.msg}. {_LIKE}") from None
    except ValueError:
        raise RelayAddressError(f"The proxy's address cannot be used: {_UNREAD}. {_LIKE}") from None
