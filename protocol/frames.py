"""Frames: pieces of messages on four lanes inside the sealed channel.

Layout of one frame (big-endian), see SPEC.md "Frames":

    0   u8    kind << 4 | lane        kind 0: fragment, 1: last fragment of a message, 2: credit
    1   u24   payload length          at most `Limits.fragment_bytes`
    4   u16   padding length
    6   payload, then padding (zero bytes, ignored)

Why: a message is cut into fragments so that a key press overtakes a picture (lane numbers are priorities); credit bounds what a
receiver must hold per lane; frames under 1 KiB are padded to 64, 256 or 1024 bytes so that tile sizes do not spell what is typed.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from protocol.errors import LimitExceeded, LocalProtocolError, RemoteProtocolError
from protocol.limits import LIMITS, Limits
from protocol.messages.base import Lane

HEADER_BYTES: Final = 6
BUCKETS: Final = (64, 256, 1024)
KIND_FRAGMENT: Final = 0
KIND_LAST: Final = 1
KIND_CREDIT: Final = 2
LANES: Final = tuple(Lane)
CREDIT_LANES: Final = (Lane.CONTROL, Lane.SCREEN, Lane.BULK)


def padding_for(payload_bytes: int) -> int:
    """How many bytes pad a frame of this payload: up to the next bucket, none from 1 KiB on."""
    total = HEADER_BYTES + payload_bytes
    for bucket in BUCKETS:
        if total <= bucket:
            return bucket - total
    return 0


def serialize_frame(kind: int, lane: Lane, payload: bytes | memoryview) -> bytes:
    """One frame, padded."""
    size = len(payload)
    padding = padding_for(size)
    head = bytes((kind << 4 | lane,)) + size.to_bytes(3, "big") + padding.to_bytes(2, "big")
    return b"".join((head, payload, bytes(padding)))


def window_of(lane: Lane, limits: Limits) -> int:
    """The credit window of a lane in payload bytes (0: uncredited)."""
    return {
        Lane.INPUT: 0,
        Lane.CONTROL: limits.credit_window_control,
        Lane.SCREEN: limits.credit_window_screen,
        Lane.BULK: limits.credit_window_bulk,
    }[lane]


def largest_message(lane: Lane, limits: Limits) -> int:
    """The largest message a lane carries, in bytes."""
    return {
        Lane.INPUT: limits.message_bytes_input,
        Lane.CONTROL: limits.message_bytes_control,
        Lane.SCREEN: limits.message_bytes_screen,
        Lane.BULK: limits.message_bytes_bulk,
    }[lane]


@dataclass(slots=True)
class _Outgoing:
    queue: deque[bytes] = field(default_factory=deque)
    offset: int = 0
    queued: int = 0
    credit: int = 0


@dataclass(slots=True)
class _Incoming:
    parts: bytearray = field(default_factory=bytearray)
    outstanding: int = 0
    consumed: int = 0


class FrameConnection:
    """Both directions of one connection: messages in, frames out, and the reverse. Pure.

    After `receive_data` and after `consumed`, collect `data_to_send`: credit may be waiting to go out.
    """

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._out = {lane: _Outgoing(credit=window_of(lane, limits)) for lane in LANES}
        self._in = {lane: _Incoming() for lane in LANES}
        self._buffer = bytearray()
        self._credits: deque[bytes] = deque()
        self._windows = {lane: window_of(lane, limits) for lane in LANES}
        self._largest = {lane: largest_message(lane, limits) for lane in LANES}

    def send_message(self, lane: Lane, payload: bytes) -> None:
        """Queue one message.

        Raises:
            LocalProtocolError: empty, or larger than the lane carries.
        """
        if not payload:
            raise LocalProtocolError("an empty message cannot be sent")
        if len(payload) > self._largest[lane]:
            raise LocalProtocolError(f"a message of {len(payload)} bytes is too large for lane {lane.name.lower()}")
        out = self._out[lane]
        out.queue.append(payload)
        out.queued += len(payload)

    def pending(self, lane: Lane) -> int:
        """Bytes of this lane that are queued and not yet handed out by `data_to_send`."""
        return self._out[lane].queued

    def discard(self, lane: Lane) -> int:
        """Forget what is queued on a lane for good, the rest of a half-sent message included: only before the end of a
        session, since the lane cannot be used afterwards. Returns the bytes dropped."""
        out = self._out[lane]
        dropped = out.queued
        out.queue.clear()
        out.offset = out.queued = out.credit = 0
        return dropped

    @property
    def has_data(self) -> bool:
        """Whether `data_to_send` has anything to hand out now."""
        if self._credits:
            return True
        return any(out.queue and (out.credit > 0 or lane not in CREDIT_LANES) for lane, out in self._out.items())

    def data_to_send(self, max_bytes: int = 64 * 1024) -> bytes:
        """Frames worth about `max_bytes` (at least one when any can go), most urgent lane first. Empty: nothing can go now."""
        frames: list[bytes] = []
        size = 0
        while self._credits and size < max_bytes:
            frames.append(self._credits.popleft())
            size += len(frames[-1])
        for lane in LANES:
            while size < max_bytes:
                frame = self._next_frame(lane)
                if frame is None:
                    break
                frames.append(frame)
                size += len(frame)
        return b"".join(frames)

    def _next_frame(self, lane: Lane) -> bytes | None:
        out = self._out[lane]
        if not out.queue:
            return None
        message = out.queue[0]
        size = min(len(message) - out.offset, self._limits.fragment_bytes)
        if lane in CREDIT_LANES:
            size = min(size, out.credit)
            if size <= 0:
                return None
            out.credit -= size
        end = out.offset + size
        last = end == len(message)
        frame = serialize_frame(KIND_LAST if last else KIND_FRAGMENT, lane, memoryview(message)[out.offset : end])
        out.offset = 0 if last else end
        out.queued -= size
        if last:
            out.queue.popleft()
        return frame

    def receive_data(self, data: bytes) -> list[tuple[Lane, bytes]]:
        """Take opened bytes; return the messages they complete, in order of completion.

        Raises:
            LimitExceeded: a frame, a message or a lane's outstanding bytes are larger than the limits.
            RemoteProtocolError: an unknown kind or lane, an empty fragment or a malformed credit.
        """
        self._buffer += data
        buffer = self._buffer
        messages: list[tuple[Lane, bytes]] = []
        at = 0
        while len(buffer) - at >= HEADER_BYTES:
            size = int.from_bytes(buffer[at + 1 : at + 4], "big")
            padding = int.from_bytes(buffer[at + 4 : at + 6], "big")
            if size > self._limits.fragment_bytes or padding > BUCKETS[-1]:
                raise LimitExceeded(f"a frame of {size} bytes with {padding} of padding is larger than the limits allow")
            end = at + HEADER_BYTES + size
            if len(buffer) < end + padding:
                break
            message = self._receive_frame(buffer[at], buffer[at + HEADER_BYTES : end])
            if message is not None:
                messages.append(message)
            at = end + padding
        del buffer[:at]
        return messages

    def _receive_frame(self, first: int, payload: bytearray) -> tuple[Lane, bytes] | None:
        kind, number = first >> 4, first & 0x0F
        if number >= len(LANES):
            raise RemoteProtocolError(f"there is no lane {number}")
        lane = LANES[number]
        if kind == KIND_CREDIT:
            self._receive_credit(lane, payload)
            return None
        if kind not in (KIND_FRAGMENT, KIND_LAST):
            raise RemoteProtocolError(f"there is no frame of kind {kind}")
        if not payload:
            raise RemoteProtocolError("an empty fragment")
        incoming = self._in[lane]
        if lane in CREDIT_LANES:
            incoming.outstanding += len(payload)
            if incoming.outstanding > self._windows[lane]:
                raise LimitExceeded(f"more than the credit of lane {lane.name.lower()} was sent")
        if len(incoming.parts) + len(payload) > self._largest[lane]:
            raise LimitExceeded(f"a message on lane {lane.name.lower()} is larger than the limits allow")
        if kind == KIND_FRAGMENT:
            incoming.parts += payload
            return None
        if not incoming.parts:
            return lane, bytes(payload)
        message = bytes(incoming.parts + payload)
        incoming.parts = bytearray()
        return lane, message

    def _receive_credit(self, lane: Lane, payload: bytearray) -> None:
        if lane not in CREDIT_LANES or len(payload) != 4:
            raise RemoteProtocolError("a malformed credit")
        out = self._out[lane]
        out.credit += int.from_bytes(payload, "big")
        if out.credit > self._windows[lane]:
            raise RemoteProtocolError(f"more credit for lane {lane.name.lower()} than was ever spent")

    def consumed(self, lane: Lane, size: int) -> None:
        """The application has dealt with `size` payload bytes of a lane; grants the other side credit for as many."""
        if lane not in CREDIT_LANES:
            return
        incoming = self._in[lane]
        incoming.consumed += size
        if incoming.consumed * 4 >= self._windows[lane]:
            incoming.outstanding -= incoming.consumed
            self._credits.append(serialize_frame(KIND_CREDIT, lane, incoming.consumed.to_bytes(4, "big")))
            incoming.consumed = 0
