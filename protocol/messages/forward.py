"""Ports of the device at the technician's computer: many TCP connections in one session, each with credit of its own."""

from typing import Annotated, ClassVar, Final, Literal

import msgspec

from protocol.capabilities import Capability
from protocol.messages.base import Lane, LongText, Message, RequestId, Sender, ShortText

WINDOW_BYTES: Final = 256 * 1024
PIECE_BYTES: Final = 16 * 1024
MOST_STREAMS: Final = 64

StreamId = Annotated[int, msgspec.Meta(ge=1, le=2**31)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Host = Annotated[str, msgspec.Meta(min_length=1, max_length=253, pattern=r"^[^\0\s/]+\Z")]
Bytes = Annotated[bytes, msgspec.Meta(min_length=1, max_length=PIECE_BYTES)]
Credit = Annotated[int, msgspec.Meta(ge=1, le=WINDOW_BYTES)]

Outcome = Literal["closed", "refused", "unreachable", "not_allowed", "limit", "broken"]


class ForwardAsk(Message, frozen=True, tag="forward.ask"):
    """T->A: what may be reached through the device. Answered by `ForwardRules`."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.FORWARD
    request: RequestId


class ForwardRules(Message, frozen=True, tag="forward.rules"):
    """A->T: what may be reached: nothing at all where forwarding is not `enabled` on that computer, else its own loopback and
    what the signed policy's `patterns` of `host:port` allow. `ForwardOpen` is decided by itself all the same."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
    enabled: bool
    patterns: Annotated[list[ShortText], msgspec.Meta(max_length=100)] = []


class ForwardOpen(Message, frozen=True, tag="forward.open"):
    """T->A: connect to `host` and `port` as seen from the device. `stream` is the technician's number for the connection, not in
    use. The answer is `ForwardOpened` or `ForwardClosed`."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.FORWARD
    stream: StreamId
    port: Port
    host: Host = "127.0.0.1"


class ForwardOpened(Message, frozen=True, tag="forward.opened"):
    """A->T: the connection stands. Each side may send `WINDOW_BYTES` before it hears `ForwardCredit`."""

    SENDER: ClassVar = Sender.AGENT
    stream: StreamId


class ForwardData(Message, frozen=True, tag="forward.data"):
    """Either way: bytes of a connection."""

    SENDER: ClassVar = Sender.BOTH
    LANE: ClassVar = Lane.BULK
    CAPABILITY: ClassVar = Capability.FORWARD
    stream: StreamId
    data: Bytes


class ForwardEnd(Message, frozen=True, tag="forward.end"):
    """Either way: this side will send no more; the other direction goes on. When both have said it, the connection is over."""

    SENDER: ClassVar = Sender.BOTH
    LANE: ClassVar = Lane.BULK
    CAPABILITY: ClassVar = Capability.FORWARD
    stream: StreamId


class ForwardCredit(Message, frozen=True, tag="forward.credit"):
    """Either way: so many bytes of a connection have been passed on, as many more may be sent."""

    SENDER: ClassVar = Sender.BOTH
    CAPABILITY: ClassVar = Capability.FORWARD
    stream: StreamId
    size: Credit


class ForwardClosed(Message, frozen=True, tag="forward.closed"):
    """Either way: the connection did not come about, or is over, with everything that was under way. Messages of the other side
    that cross it are ignored."""

    SENDER: ClassVar = Sender.BOTH
    CAPABILITY: ClassVar = Capability.FORWARD
    stream: StreamId
    outcome: Outcome = "closed"
    text: LongText = ""
