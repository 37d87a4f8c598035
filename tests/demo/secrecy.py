"""What the endpoints said, and whether the relay could have read any of it.

Three kinds of secrets, each as the bytes it would have on an unencrypted wire: what was typed (key messages), what was returned
(texts of findings and tables, the reason), and what was shown (rows of pixels, looked for in every compressed block that can be
unpacked, too).
"""

import re
from dataclasses import dataclass, field

import numpy as np
import zstandard

from tests.kit.console_page import Overheard
from tests.kit.relay_tap import RelayTap, tls_records

APPLICATION_DATA = 23
HANDSHAKE = 22
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
MOST_UNPACKED = 16 * 1024 * 1024
KINDS = ("typed", "returned", "shown")


@dataclass
class Secrets:
    """What stood at an endpoint in the clear, by kind: name -> the byte strings that it may have on a wire."""

    kinds: dict[str, dict[str, tuple[bytes, ...]]] = field(default_factory=lambda: {kind: {} for kind in KINDS})

    def typed(self, text: str) -> None:
        """Each character beyond ASCII, as the messages that carry it: two or three bytes alone can occur by chance."""
        for character in sorted({character for character in text if ord(character) > 127}):
            data = bytes([0xA0 | len(character.encode())]) + character.encode()
            self.kinds["typed"][f"key {character!r}"] = (
                data + b"\xc3\xa4text",
                data + b"\xc2\xa4text",
                b"input.type_text" + data,
            )

    def returned(self, texts: list[str], overheard: Overheard) -> None:
        """Texts that the endpoints exchanged.

        Raises:
            AssertionError: one of them did not stand at the endpoints, so that looking for it elsewhere proves nothing.
        """
        clear = overheard.everything()
        for text in texts:
            assert text.encode() in clear, f"{text!r} was not said at the endpoints"
            self.kinds["returned"][f"text {text!r}"] = (text.encode(),)

    def shown(self, pictures: list[np.ndarray], side: int) -> None:
        """Rows of the random marks in the corners, as rows of B, G, R(, X) bytes."""
        for number, picture in enumerate(pictures):
            row = picture[side // 2, :side, ::-1].tobytes()
            pixels = [row[at : at + 3] for at in range(0, len(row), 3)]
            forms = (row, b"".join(pixel + b"\0" for pixel in pixels), b"".join(pixel + b"\xff" for pixel in pixels))
            self.kinds["shown"][f"mark {number}"] = forms


def unpacked(carried: bytes) -> list[bytes]:
    """Whatever looks like a zstd block and unpacks."""
    found = []
    for match in re.finditer(re.escape(ZSTD_MAGIC), carried):
        piece = carried[match.start() : match.start() + 1024 * 1024]
        try:
            found.append(zstandard.ZstdDecompressor().decompressobj().decompress(piece)[:MOST_UNPACKED])
        except zstandard.ZstdError:
            continue
    return found


def readable(said: Secrets, tap: RelayTap) -> dict[str, list[str]]:
    """By kind, which secrets stand in what the relay carried."""
    carried = tap.everything()
    assert len(carried) > 50_000, f"the relay carried only {len(carried)} bytes"
    haystacks = [carried, *unpacked(carried)]
    return {
        kind: [name for name, forms in names.items() if any(form in haystack for form in forms for haystack in haystacks)]
        for kind, names in said.kinds.items()
    }


def relay_read_nothing(said: Secrets, tap: RelayTap, details: list[str]) -> None:
    """Raises:
    AssertionError: something that was said stands in what the relay carried, or nothing was said.
    """
    assert all(said.kinds.values()), f"nothing was {[kind for kind, names in said.kinds.items() if not names]}"
    found = readable(said, tap)
    assert not any(found.values()), f"the relay could read {found}"
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in said.kinds.items())
    details.append(f"{counts}; {sum(len(record.sent) + len(record.received) for record in tap.connections) / 1e6:.1f} MB carried")


def relay_read_every_kind(said: Secrets, tap: RelayTap, details: list[str]) -> None:
    """The control. Raises:
    AssertionError: nothing was encrypted and yet the search found nothing of some kind, so it cannot be believed.
    """
    found = readable(said, tap)
    blind = [kind for kind, names in found.items() if not names]
    assert not blind, f"nothing was encrypted, and the search found nothing that was {blind}"
    details.append(", ".join(f"{len(found[kind])} of {len(said.kinds[kind])} {kind}" for kind in KINDS))


def tunnels_are_tls(tap: RelayTap, details: list[str]) -> None:
    """Raises:
    AssertionError: an end of a session did not carry TLS records, or carried nothing.
    """
    tunnels = tap.tunnels()
    assert len(tunnels) >= 2, f"{len(tunnels)} ends of a session were recorded"
    records = 0
    for tunnel in tunnels:
        for direction in ("sent", "received"):
            stream = tunnel.websocket_payload(direction)
            try:
                kinds = [kind for kind, _ in tls_records(stream)]
            except ValueError as error:
                raise AssertionError(f"a tunnel carries something else than TLS: {error}") from None
            assert HANDSHAKE in kinds, "a tunnel without a handshake"
            assert APPLICATION_DATA in kinds, "a tunnel without protected records"
            records += len(kinds)
    details.append(f"{records} records in {len(tunnels)} ends")
