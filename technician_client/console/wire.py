"""What passes between this process and the browser, byte by byte (protocol/SPEC.md, "console-browser").

Text: a JSON array is an end-to-end message in the same field order as on the wire; a JSON object is the console's own.
Binary: an update of the picture, or the pointer's shape. Little-endian.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
import numpy as np

from protocol.capabilities import Capability
from protocol.errors import RemoteProtocolError, UndecodableMessage
from protocol.limits import LIMITS
from protocol.messages import (
    Message,
    chat,
    clipboard,
    colleagues,
    diagnostics,
    fixes,
    forward,
    live,
    logs,
    pointer,
    power,
    screen,
    session,
    terminal,
)
from protocol.messages import input as input_messages
from protocol.messages.forward import Host, Port
from protocol.messages.screen import Copy, CursorShape, ScreenLayout, ScreenUpdate, Tile, Video
from technician_client.console.pixels import Pixels, TileReader
from technician_client.forwarding import LOOPBACK
from technician_client.notes import MOST_CHARS

UPDATE: Final = 1
CURSOR: Final = 2
COPY: Final = 1
PIXELS: Final = 2
FILL: Final = 3
VIDEO: Final = 4

UPDATE_HEADER: Final = struct.Struct("<BBHIdd")
OPERATION_HEADER: Final = struct.Struct("<BBHHHHHHH")
VIDEO_HEADER: Final = struct.Struct("<II")
CURSOR_HEADER: Final = struct.Struct("<BBHIHHHH")

_CODEC_CHARS: Final = 64

FromBrowserMessage = (
    input_messages.PointerMove
    | input_messages.PointerButton
    | input_messages.PointerWheel
    | input_messages.Key
    | input_messages.TypeText
    | input_messages.ReleaseAll
    | input_messages.TypePiece
    | input_messages.LockKeys
    | pointer.PointerPlace
    | pointer.PointerAway
    | pointer.PointerClick
    | pointer.PointerStroke
    | pointer.PointerClear
    | screen.ScreenStart
    | screen.ScreenStop
    | screen.ScreenRefresh
    | screen.ScreenAck
    | diagnostics.DiagnosticsCollect
    | live.LiveStart
    | live.LiveStop
    | fixes.FixList
    | fixes.FixRun
    | fixes.FixCancel
    | terminal.TerminalOpen
    | terminal.TerminalOpenRoot
    | terminal.TerminalList
    | terminal.TerminalAttach
    | terminal.TerminalInput
    | terminal.TerminalResize
    | terminal.TerminalAck
    | terminal.TerminalClose
    | logs.LogSources
    | logs.LogFollow
    | logs.LogStop
    | chat.ChatMessage
    | colleagues.Invite
    | colleagues.InviteCancel
    | colleagues.ControlAsk
    | colleagues.ControlKeep
    | colleagues.HandOver
    | forward.ForwardAsk
    | clipboard.ClipboardWatch
    | session.CapabilityReturn
    | power.RebootRequest
)
"""What a page may have sent to the agent. Anything else it says ends its socket."""

ToBrowserMessage = (
    screen.ScreenLayout,
    screen.ScreenState,
    screen.ScreenReport,
    screen.CursorMove,
    pointer.PointerState,
    input_messages.Typed,
    input_messages.KeyboardState,
    diagnostics.DiagnosticsTable,
    diagnostics.DiagnosticsDone,
    live.LiveSample,
    live.LiveProcesses,
    live.LiveServices,
    fixes.FixCatalogue,
    fixes.FixStage,
    fixes.FixOutput,
    fixes.FixResult,
    terminal.TerminalOpened,
    terminal.TerminalListing,
    terminal.TerminalTaken,
    terminal.TerminalOutput,
    terminal.TerminalEnded,
    logs.LogListing,
    logs.LogLines,
    logs.LogEnded,
    chat.ChatMessage,
    colleagues.People,
    colleagues.InviteNotes,
    colleagues.ControlAsked,
    colleagues.ColleaguesState,
    forward.ForwardRules,
    clipboard.ClipboardChanged,
    session.Refusal,
    session.Paused,
    power.RebootState,
)
"""What an agent says that goes to the page as text."""


class PageCommand(msgspec.Struct, frozen=True, tag_field="type", forbid_unknown_fields=True):
    """Base of what the page asks of the console itself."""


class AskCapability(PageCommand, frozen=True, tag="ask"):
    """Ask the user for one capability more."""

    capability: Capability
    reason: str = ""


class EndSession(PageCommand, frozen=True, tag="end"):
    """End the session."""


class Record(PageCommand, frozen=True, tag="record"):
    """Begin a recording, or end it."""

    on: bool


class TakeNote(PageCommand, frozen=True, tag="note"):
    """Keep these notes of the session."""

    text: Annotated[str, msgspec.Meta(max_length=MOST_CHARS)]


class StartForward(PageCommand, frozen=True, tag="forward"):
    """Listen on `local` of 127.0.0.1 (None: any port, best `port`) for `port` of `host` as seen from the device."""

    port: Port
    local: Annotated[int, msgspec.Meta(ge=0, le=65535)] | None = None
    host: Host = LOOPBACK


class StopForward(PageCommand, frozen=True, tag="forward_stop"):
    """Listen no longer."""

    number: int


Command = AskCapability | EndSession | Record | TakeNote | StartForward | StopForward
_MESSAGES: Final = msgspec.json.Decoder(FromBrowserMessage)
_COMMANDS: Final = msgspec.json.Decoder(Command)


def read_page(text: str) -> Message | Command:
    """Decode one text of the page.

    Raises:
        UndecodableMessage: it is not one of those a page may send.
    """
    try:
        if text.startswith("["):
            message: Message = _MESSAGES.decode(text)
            return message
        command: Command = _COMMANDS.decode(text)
        return command
    except (ValueError, RecursionError) as error:
        raise UndecodableMessage(f"The page said something the console does not know: {error}") from error


def write_message(message: Message) -> str:
    """An agent's message as a JSON array."""
    return msgspec.json.encode(message).decode()


def write_object(value: dict[str, Any]) -> str:
    """One of the console's own objects; it carries its name in "type"."""
    return msgspec.json.encode(value).decode()


@dataclass(frozen=True, slots=True)
class Area:
    """The layout that updates are checked against, in pixels."""

    width: int
    height: int

    @classmethod
    def of(cls, layout: ScreenLayout) -> "Area":
        """The area of a layout.

        Raises:
            RemoteProtocolError: larger than the limits allow.
        """
        if not LIMITS.shows(layout.width, layout.height):
            raise RemoteProtocolError("The other side's display is larger than this version can show.")
        return cls(layout.width, layout.height)


class UpdateWriter:
    """Turns updates into binary messages, tiles inflated."""

    def __init__(self, tiles: TileReader | None = None) -> None:
        self._tiles = tiles or TileReader()
        self._kept: Pixels | None = None

    def forget(self) -> None:
        """A new layout: nothing is kept any longer."""
        self._kept = None

    def write(self, update: ScreenUpdate, area: Area) -> memoryview:
        """One update as one binary message, in a buffer of its own.

        Raises:
            RemoteProtocolError: an operation reaches outside `area`, or its data do not decode.
        """
        if not (0 <= update.epoch < 2**32 and 0 <= update.sequence < 2**53 and abs(update.captured_at) < 2**63):
            raise RemoteProtocolError("An update's numbers are out of range.")
        if len(update.operations) > 0xFFFF:
            raise RemoteProtocolError("An update has more operations than a picture can need.")
        sizes = [_checked_size(operation, area) for operation in update.operations]
        buffer: Pixels = np.empty(UPDATE_HEADER.size + sum(sizes), np.uint8)
        sequence, captured_at = float(update.sequence), float(update.captured_at)
        UPDATE_HEADER.pack_into(buffer.data, 0, UPDATE, int(update.exact), len(sizes), update.epoch, sequence, captured_at)
        at = UPDATE_HEADER.size
        for operation, size in zip(update.operations, sizes, strict=True):
            self._write_operation(operation, buffer[at : at + size], area)
            at += size
        return buffer.data

    def _kept_part(self, tile: Tile, area: Area) -> Pixels:
        """Where the pixels of `tile` are kept; the memory for it is taken when it is first needed."""
        if self._kept is None or self._kept.shape[:2] != (area.height, area.width):
            self._kept = np.zeros((area.height, area.width, 4), np.uint8)
        return self._kept[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]

    def _write_operation(self, operation: Copy | Tile | Video, room: Pixels, area: Area) -> None:
        head, body = room.data, room[OPERATION_HEADER.size :]
        x, y, width, height = operation.x, operation.y, operation.width, operation.height
        match operation:
            case Copy():
                OPERATION_HEADER.pack_into(head, 0, COPY, 0, x, y, width, height, operation.from_x, operation.from_y, 0)
            case Tile(encoding="fill"):
                OPERATION_HEADER.pack_into(head, 0, FILL, 0, x, y, width, height, 0, 0, 0)
                blue, green, red = operation.data
                body[:] = (red, green, blue, 255)
                if operation.keep:
                    self._kept_part(operation, area)[...] = body
            case Tile():
                OPERATION_HEADER.pack_into(head, 0, PIXELS, 0, x, y, width, height, 0, 0, 0)
                pixels = body.reshape(height, width, 4)
                if operation.encoding == "kept":
                    pixels[...] = self._kept_part(operation, area)
                    pixels[..., 3] = 255
                else:
                    self._tiles.read(operation, pixels)
                if operation.keep:
                    self._kept_part(operation, area)[...] = pixels
            case Video():
                codec = operation.codec.encode("ascii")
                OPERATION_HEADER.pack_into(head, 0, VIDEO, int(operation.key), x, y, width, height, len(codec), 0, 0)
                VIDEO_HEADER.pack_into(head, OPERATION_HEADER.size, operation.stream, len(operation.data))
                tail = codec + operation.data
                body[VIDEO_HEADER.size :] = 0
                body[VIDEO_HEADER.size : VIDEO_HEADER.size + len(tail)] = np.frombuffer(tail, np.uint8)


def _checked_size(operation: Copy | Tile | Video, area: Area) -> int:
    """Bytes of one operation, multiple of 4. Raises `RemoteProtocolError`."""
    width, height = operation.width, operation.height
    if not width or not height or operation.x + width > area.width or operation.y + height > area.height:
        raise RemoteProtocolError("An update reaches outside the picture.")
    match operation:
        case Copy():
            if operation.from_x + width > area.width or operation.from_y + height > area.height:
                raise RemoteProtocolError("An update reaches outside the picture.")
            return OPERATION_HEADER.size
        case Tile(encoding="fill"):
            if len(operation.data) != 3:
                raise RemoteProtocolError("A filled tile needs 3 bytes.")
            return OPERATION_HEADER.size + 4
        case Tile():
            return OPERATION_HEADER.size + width * height * 4
        case Video():
            codec = operation.codec
            if not codec.isascii() or len(codec) > _CODEC_CHARS or not 0 <= operation.stream < 2**32:
                raise RemoteProtocolError("A video picture names an impossible codec or stream.")
            return (OPERATION_HEADER.size + VIDEO_HEADER.size + len(codec) + len(operation.data) + 3) & ~3


def weight_of(message: Message) -> int:
    """How many bytes of pixels a message will have for the browser; what counts against its window."""
    if isinstance(message, ScreenUpdate):
        return sum(operation.width * operation.height * 4 for operation in message.operations if isinstance(operation, Tile))
    return 0


def carried_bytes(message: Message) -> int:
    """How many bytes of picture a message brought over the network."""
    if isinstance(message, ScreenUpdate):
        return sum(len(operation.data) for operation in message.operations if not isinstance(operation, Copy))
    return len(message.data) if isinstance(message, CursorShape) else 0


def write_cursor(shape: CursorShape) -> bytes:
    """The pointer's shape as one binary message.

    Raises:
        RemoteProtocolError: its data are not exactly its pixels.
    """
    size = shape.width * shape.height * 4
    inflater = zlib.decompressobj()
    try:
        pixels = inflater.decompress(shape.data, size + 1) if size else b""
    except zlib.error as error:
        raise RemoteProtocolError(f"The pointer's picture does not decompress: {error}.") from error
    if len(pixels) != size:
        raise RemoteProtocolError("The pointer's picture is not as large as it says.")
    serial = shape.serial & 0xFFFFFFFF
    return CURSOR_HEADER.pack(CURSOR, 0, 0, serial, shape.width, shape.height, shape.hot_x, shape.hot_y) + pixels
