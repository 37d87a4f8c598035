"""One forwarded connection as either end sees it: credit, half closes and the end, without any I/O.

Both ends are alike once a connection stands, so that both use this. Sizes are bytes of payload.
"""

import fnmatch
import ipaddress
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from protocol.errors import LimitExceeded, RemoteProtocolError
from protocol.messages.forward import PIECE_BYTES, WINDOW_BYTES, ForwardCredit, ForwardData, ForwardEnd
from protocol.relay_address import is_loopback

CREDIT_STEP: Final = WINDOW_BYTES // 4
_ADDRESSES: Final = re.compile(r"[0-9.*?\[\]!-]*[0-9][0-9.*?\[\]!-]*")


def may_reach(host: str, port: int, patterns: list[str]) -> bool:
    """Whether a target is allowed: the device's own loopback always, others by a pattern of `host:port` in the signed policy.

    A pattern of addresses ("10.0.0.*:22") allows addresses only: a name may begin like one ("10.0.0.7.example.org") and lead
    wherever its owner likes.
    """
    target = f"{host.lower()}:{port}"
    return is_loopback(host) or any(
        fnmatch.fnmatchcase(target, pattern.lower())
        and (_ADDRESSES.fullmatch(pattern.rpartition(":")[0]) is None or _is_address(host))
        for pattern in patterns
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


@dataclass(slots=True)
class Flow:
    """Both directions of one connection. `outgoing` is what was read from the own socket and has no credit yet; `incoming` what
    came and was not yet written to it."""

    stream: int
    outgoing: bytearray = field(default_factory=bytearray)
    incoming: deque[bytes] = field(default_factory=deque)
    sent: int = 0
    received: int = 0
    _credit: int = WINDOW_BYTES
    _unwritten: int = 0
    _passed_on: int = 0
    _own_end: bool = False
    _own_end_said: bool = False
    _their_end: bool = False

    @property
    def wants_more(self) -> bool:
        """Whether the own socket may be read: nothing read waits for credit."""
        return not self.outgoing and not self._own_end

    @property
    def ended_there(self) -> bool:
        """The other side sends no more, and everything it sent was written."""
        return self._their_end and not self.incoming

    @property
    def ended_here(self) -> bool:
        """The own socket is at its end, and the other side was told after the last byte."""
        return self._own_end_said

    @property
    def over(self) -> bool:
        """Both directions have ended, and nothing is left."""
        return self._own_end_said and self.ended_there

    def read(self, data: bytes) -> None:
        """Bytes of the own socket; b"": its end."""
        if data:
            self.outgoing += data
        else:
            self._own_end = True

    def to_say(self) -> list[ForwardData | ForwardEnd]:
        """What may be sent now."""
        said: list[ForwardData | ForwardEnd] = []
        while self.outgoing and self._credit:
            piece = bytes(self.outgoing[: min(PIECE_BYTES, self._credit)])
            del self.outgoing[: len(piece)]
            self._credit -= len(piece)
            self.sent += len(piece)
            said.append(ForwardData(self.stream, piece))
        if self._own_end and not self.outgoing and not self._own_end_said:
            self._own_end_said = True
            said.append(ForwardEnd(self.stream))
        return said

    def hear(self, message: ForwardData | ForwardEnd | ForwardCredit) -> None:
        """What the other side said about this connection.

        Raises:
            LimitExceeded: more bytes than it had credit for, or more credit than was ever spent.
            RemoteProtocolError: bytes after the end.
        """
        match message:
            case ForwardCredit(size=size):
                if self._credit + size > WINDOW_BYTES:
                    raise LimitExceeded("more credit was given back than was spent")
                self._credit += size
            case ForwardData() | ForwardEnd() if self._their_end:
                raise RemoteProtocolError("bytes came after their end")
            case ForwardData(data=data):
                if self._unwritten + self._passed_on + len(data) > WINDOW_BYTES:
                    raise LimitExceeded("more bytes came than there was credit for")
                self._unwritten += len(data)
                self.received += len(data)
                self.incoming.append(data)
            case ForwardEnd():
                self._their_end = True

    def wrote(self, size: int) -> ForwardCredit | None:
        """So many received bytes are with the own socket: what to give back, once it is worth a message."""
        self._unwritten -= size
        self._passed_on += size
        if self._passed_on < CREDIT_STEP:
            return None
        given, self._passed_on = self._passed_on, 0
        return ForwardCredit(self.stream, given)
