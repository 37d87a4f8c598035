"""Controls of the relay's surface, of the console and of files and sockets on one computer, and how each is taken away."""

from typing import Any

from tests.kit.controls import Patch, control


@control("the relay answers at exact paths and nowhere else")
def exact_routes(patch: Patch) -> None:
    """Paths are decoded and tidied up first, as many servers do."""
    import posixpath
    from urllib.parse import unquote

    from relay.surface import Surface

    plain = Surface._find

    class Tidied:
        """A request whose path was tidied up."""

        def __init__(self, request: Any) -> None:
            self.method = request.method
            path = unquote(request.raw_path.partition("?")[0]).partition(";")[0].rstrip("/")
            self.raw_path = posixpath.normpath("/" + path.replace("//", "/").lstrip("/")).lower()

    patch(Surface, "_find", lambda self, request: plain(self, Tidied(request)))


@control("a registration token works once, and only the one that was printed")
def registration_token(patch: Patch) -> None:
    """Whoever asks is registered."""
    from relay.organisations import Organisations, read_root

    async def register(self: Organisations, token: str, root: bytes, name: str) -> str:
        organisation, _ = read_root(root)
        self._roots[organisation] = root
        return organisation

    patch(Organisations, "register", register)


@control("a browser's requests are refused by the relay")
def relay_origin(patch: Patch) -> None:
    """Nobody looks at Origin."""
    from multidict import CIMultiDict, CIMultiDictProxy

    import relay.surface

    plain = relay.surface.Surface.handle

    async def handle(self: Any, request: Any) -> Any:
        headers = CIMultiDict(request.headers)
        headers.popall("Origin", None)
        request._headers = CIMultiDictProxy(headers)
        request._cache.pop("headers", None)
        return await plain(self, request)

    patch(relay.surface.Surface, "handle", handle)


@control("a request's header must come within its time")
def header_deadline(patch: Patch) -> None:
    """A half-sent header may hang for ever."""
    from relay.listener import Connection

    patch(Connection, "_header_late", lambda self: None)


@control("so many connections and no more")
def connection_caps(patch: Patch) -> None:
    """Everybody comes in."""
    from relay.listener import Gate

    plain = Gate.admit

    def admit(self: Gate, address: Any) -> str | None:
        self.most = self.most_per_address = 10**9
        return plain(self, address)

    patch(Gate, "admit", admit)


@control("TLS handshakes in progress are connections like any other, and bounded in time")
def handshake_caps(patch: Patch) -> None:
    """Only who has finished a handshake counts, and it may take for ever."""
    from relay.listener import Connection
    from relay.porter import Porter

    def meet(self: Porter, newcomer: Any, address: str) -> None:
        self.handshake_seconds = 3600.0
        self._tasks.create_task(self._let_in(newcomer, ""))

    plain = Connection.connection_made

    def connection_made(self: Connection, transport: Any) -> None:
        self._key = self._gate.admit(None)
        if self._key is None:
            transport.abort()
        else:
            plain(self, transport)

    patch(Porter, "_meet", meet)
    patch(Connection, "leave", lambda self: self._key and self._gate.leave(self._key))
    patch(Connection, "connection_made", connection_made)


@control("the console answers only its own page: Host, Origin and Sec-Fetch-Site")
def console_origin(patch: Patch) -> None:
    """Any page may speak to it."""
    from technician_client.console.guard import Guard

    patch(Guard, "_complaint", lambda self, request: None)


@control("the console lets in only who has its cookie")
def console_cookie(patch: Patch) -> None:
    """Everybody on this computer may come in."""
    from technician_client.console.guard import Guard

    patch(Guard, "_has_cookie", lambda self, request: True)


@control("Host, Origin, Sec-Fetch-Site and cookie of the console together, and its headers")
def console_guard(patch: Patch) -> None:
    """Nobody is asked anything."""
    import technician_client.console.guard

    console_origin(patch)
    console_cookie(patch)
    patch(technician_client.console.guard, "_headers", lambda origin: {"Cache-Control": "no-store"})


@control("the console's link works once")
def console_token(patch: Patch) -> None:
    """Any token opens the console."""
    from technician_client.console import guard

    class Agreeable:
        """`hmac` that finds everything equal."""

        @staticmethod
        def compare_digest(one: Any, other: Any) -> bool:
            return True

    patch(guard, "hmac", Agreeable)


@control("the passphrase is typed again before what is of tier 3")
def passphrase_again(patch: Patch) -> None:
    """A key that was unlocked once is unlocked for good."""
    from technician_client.step_up import StepUp

    patch(StepUp, "needed", lambda self, capabilities, tier=0: False)


@control("text of devices is text in the console")
def inert_page(patch: Patch) -> None:
    """Texts become markup, and nothing in the browser forbids scripts."""
    import technician_client.console.guard
    import technician_client.console.server

    plain = technician_client.console.server.read_assets

    def read_assets() -> Any:
        return [_with_markup(asset) for asset in plain()]

    patch(technician_client.console.server, "read_assets", read_assets)
    patch(technician_client.console.guard, "_headers", lambda origin: {"Cache-Control": "no-store"})


def _with_markup(asset: Any) -> Any:
    """Preact makes a text node where text stands; this makes markup of it."""
    import dataclasses

    plain, markup = b"return M.createTextNode(x)", b'return(M=M.createElement("span")).innerHTML=x,M'
    assert not asset.path.endswith("vendor/preact.js") or plain in asset.body, "preact is another version: mend this control"
    body = asset.body.replace(plain, markup)
    return dataclasses.replace(asset, body=body)


@control("text of devices obeys nobody in the terminal")
def inert_terminal(patch: Patch) -> None:
    """Escapes go through."""
    import technician_client.cli.output

    patch(technician_client.cli.output, "inert", lambda text, *, lines=False: text)


@control("text of technicians obeys nobody on the person's terminal")
def printable_text(patch: Patch) -> None:
    """Escapes go through."""
    import agent.attending

    patch(agent.attending, "printable", lambda text, **_: text)


@control("pictures have the size that they say, and no more than the limits")
def picture_limits(patch: Patch) -> None:
    """Whatever comes is unpacked and put somewhere."""
    import zlib

    import numpy as np
    import zstandard

    import technician_client.picture
    import technician_client.tile_data
    from technician_client.picture import Picture

    def whole(tile: Any, depth: int, data: bytes) -> Any:
        wanted = tile.width * tile.height * depth
        return np.frombuffer(data.ljust(wanted, b"\0")[:wanted], np.uint8)

    def packed(tile: Any, depth: int) -> Any:
        return whole(tile, depth, zstandard.ZstdDecompressor().decompressobj().decompress(tile.data))

    for module in (technician_client.picture, technician_client.tile_data):
        patch(module, "packed", packed)
    inflate = lambda tile: whole(tile, 3, zlib.decompressobj(-zlib.MAX_WBITS).decompress(tile.data))  # noqa: E731
    patch(technician_client.tile_data, "_inflate", inflate)
    patch(Picture, "_check", lambda self, x, y, width, height: None)
    patch(Picture, "_put", lambda self, operation, pixels: None)
    patch(Picture, "_part", lambda self, x, y, size: np.zeros((1, 1, 4), np.uint8))


@control("a display has so many pixels in all, whatever its sides")
def layout_limits(patch: Patch) -> None:
    """Each side counts by itself."""
    from protocol.limits import Limits

    patch(Limits, "shows", lambda self, width, height: width <= self.screen_width and height <= self.screen_height)


@control("messages are bounded before they are put together")
def message_limits(patch: Patch) -> None:
    """A message may be of any size."""
    import protocol.frames

    patch(protocol.frames, "largest_message", lambda lane, limits: 10**12)
    patch(protocol.frames, "window_of", lambda lane, limits: 10**9 * int(lane != 0))


@control("names that a device chooses never become paths")
def safe_names(patch: Patch) -> None:
    """They do."""
    import re

    import technician_client.receipts

    patch(technician_client.receipts, "_UNSAFE", re.compile(r"(?!)"))


@control("the local socket and its directory are their owner's alone")
def socket_modes(patch: Patch) -> None:
    """Everybody may connect."""
    import pathlib

    import agent.local

    plain = pathlib.Path.chmod

    def chmod(self: pathlib.Path, mode: int, **named: Any) -> None:
        plain(self, 0o777 if self.suffix == ".sock" or mode == 0o700 else mode, **named)

    def open_to_all(directory: pathlib.Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        plain(directory, 0o755)

    patch(pathlib.Path, "chmod", chmod)
    patch(agent.local, "make_private", open_to_all)


@control("the kernel says who is at the other end of the local socket")
def peer_credentials(patch: Patch) -> None:
    """Nobody asks."""
    import agent.local

    patch(agent.local, "allowed_user", lambda uid, own: True)


@control("files with secrets that others can read are refused")
def private_modes(patch: Patch) -> None:
    """Any mode will do."""
    import hostio.private_files

    class Anything:
        """`stat` that sees no mode."""

        @staticmethod
        def S_IMODE(mode: int) -> int:
            return 0o600

    patch(hostio.private_files, "stat", Anything)


@control("the agent verifies the signed files that it has kept whenever it reads them")
def kept_files(patch: Patch) -> None:
    """What lies there is believed."""
    from securesystemslib.signer import SSlibKey
    from tuf.api.metadata import TargetFile

    patch(SSlibKey, "verify_signature", lambda self, signature, data: None)
    patch(TargetFile, "verify_length_and_hashes", lambda self, data: None)
