"""What a relay's owner can answer to a plain HTTP request instead of the truth: pieces for plans of `tests.kit.hostile_relay`."""

import gzip
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

Part = bytes | float
"""Bytes to send, or seconds to wait."""
PIECE = b"x" * 65536


@dataclass
class Exchange:
    """One request of a peer, and what the relay answered. `head` of each is the raw lines up to the empty one; `taken` counts the
    bytes of the (edited) answer that the peer's side has taken."""

    method: str
    path: str
    head: bytes
    body: bytes
    answer_head: bytes = b""
    content: bytes = b""
    taken: int = 0
    parts: Iterator[Part] = field(default_factory=lambda: iter(()))

    @property
    def status(self) -> int:
        """What the relay said, in truth."""
        return int(self.answer_head.split(b" ", 2)[1])

    @property
    def honest(self) -> list[Part]:
        """The answer as it came."""
        return [self.answer_head + self.content]

    @property
    def file(self) -> str:
        """Of a request for a signed file its name in the repository ("metadata/timestamp.json"), else ""."""
        parts = self.path.split("/", 3)
        return parts[3] if len(parts) == 4 and parts[1] == "tuf" else ""


Change = Callable[[Exchange], Iterable[Part] | None]
"""Returns what is answered; None: the truth."""


def header_lines(head: bytes) -> dict[str, str]:
    """The fields of a raw header, names in lower case."""
    pairs = (line.partition(b":") for line in head.split(b"\r\n")[1:] if line)
    return {name.decode("latin-1").lower(): value.strip().decode("latin-1") for name, _, value in pairs}


def answer(content: bytes, *fields: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """A whole answer. `length`: what its header says, whatever comes."""
    size = len(content) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", "Connection: close", *fields, "", ""]
    return "\r\n".join(lines).encode() + content


def not_there() -> list[Part]:
    """404."""
    return [answer(b"{}", status="404 Not Found")]


def cut_short(content: bytes) -> list[Part]:
    """Half of it, though the header promises all."""
    return [answer(content[: len(content) // 2], length=len(content))]


def halved(content: bytes) -> list[Part]:
    """Half of it, as if that were all."""
    return [answer(content[: len(content) // 2])]


def _without_end(megabytes: int) -> Iterator[Part]:
    return iter(itertools.repeat(PIECE, megabytes * 16))


def ten_times(content: bytes) -> Iterable[Part]:
    """Ten times of what a signed file may have."""
    return itertools.chain([answer(b"", length=10 << 20)], _without_end(10))


def endless(content: bytes) -> Iterable[Part]:
    """No length, and no end."""
    return itertools.chain([b"HTTP/1.1 200 OK\r\n\r\n"], _without_end(48))


def chunk_below_zero(content: bytes) -> Iterable[Part]:
    """A chunk of -1 bytes, which a careless reader takes for "to the end"; there is none."""
    return itertools.chain([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"], _without_end(48))


def wrong_chunk(content: bytes) -> list[Part]:
    """A chunk of a size that nobody can read."""
    return [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n" + content]


def continued(content: bytes) -> Iterable[Part]:
    """`100 Continue` for ever."""
    return itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, 2000)


def many_fields(content: bytes) -> Iterable[Part]:
    """A header that does not end."""
    return itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.repeat(b"X-More: " + b"y" * 60000 + b"\r\n", 800))


def dripping(content: bytes, *, every: float = 0.2, seconds: float = 120.0) -> Iterable[Part]:
    """The truth, a byte now and then."""
    yield answer(b"", length=len(content))
    for at in range(int(seconds / every)):
        yield content[at : at + 1]
        yield every
    yield content[int(seconds / every) :]


def moved(url: str, status: str = "307 Temporary Redirect") -> list[Part]:
    """Somewhere else."""
    return [answer(b"", f"Location: {url}", status=status)]


def bomb(megabytes: int = 64) -> list[Part]:
    """A small answer that unpacks to a large one."""
    return [answer(gzip.compress(bytes(megabytes << 20)), "Content-Encoding: gzip")]
