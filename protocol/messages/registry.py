"""The table of every message type, and the only place where messages become bytes and bytes become messages."""

from dataclasses import dataclass

import msgspec

from protocol.capabilities import Capability
from protocol.errors import UndecodableMessage
from protocol.messages import (
    chat,
    clipboard,
    colleagues,
    diagnostics,
    files,
    fixes,
    forward,
    input,
    live,
    logs,
    pointer,
    power,
    recording,
    screen,
    session,
    terminal,
)
from protocol.messages.base import Lane, Message, Sender, UnknownMessage


@dataclass(frozen=True, slots=True)
class MessageRule:
    """What the wire demands of one message type."""

    tag: str
    kind: type[Message]
    sender: Sender
    lane: Lane
    capability: Capability | None


AnyMessage = (
    session.GuestShare
    | session.GuestProof
    | session.GuestProved
    | session.Hello
    | session.AgentHello
    | session.Reveal
    | session.ConsentPending
    | session.Called
    | session.Welcome
    | session.Denied
    | session.CapabilityAsk
    | session.CapabilityGranted
    | session.CapabilityRevoked
    | session.CapabilityReturn
    | session.Refusal
    | session.Paused
    | session.Ping
    | session.Pong
    | session.End
    | chat.ChatMessage
    | colleagues.People
    | colleagues.Invite
    | colleagues.InviteCancel
    | colleagues.InviteNotes
    | colleagues.ControlAsk
    | colleagues.ControlAsked
    | colleagues.ControlKeep
    | colleagues.HandOver
    | colleagues.ColleaguesState
    | input.PointerMove
    | input.PointerButton
    | input.PointerWheel
    | input.Key
    | input.TypeText
    | input.ReleaseAll
    | input.TypePiece
    | input.Typed
    | input.KeyboardState
    | input.LockKeys
    | pointer.PointerPlace
    | pointer.PointerAway
    | pointer.PointerClick
    | pointer.PointerStroke
    | pointer.PointerClear
    | pointer.PointerState
    | screen.ScreenStart
    | screen.ScreenStop
    | screen.ScreenRefresh
    | screen.ScreenAck
    | screen.ScreenLayout
    | screen.ScreenUpdate
    | screen.CursorShape
    | screen.CursorMove
    | screen.ScreenState
    | screen.ScreenReport
    | diagnostics.DiagnosticsCollect
    | diagnostics.DiagnosticsTable
    | diagnostics.DiagnosticsDone
    | live.LiveStart
    | live.LiveStop
    | live.LiveSample
    | live.LiveProcesses
    | live.LiveServices
    | fixes.FixList
    | fixes.FixCatalogue
    | fixes.FixRun
    | fixes.FixCancel
    | fixes.FixStage
    | fixes.FixOutput
    | fixes.FixResult
    | recording.RecordingStart
    | recording.RecordingStop
    | recording.RecordingState
    | power.RebootRequest
    | power.RebootState
    | terminal.TerminalOpen
    | terminal.TerminalOpenRoot
    | terminal.TerminalOpened
    | terminal.TerminalList
    | terminal.TerminalListing
    | terminal.TerminalAttach
    | terminal.TerminalInput
    | terminal.TerminalTaken
    | terminal.TerminalResize
    | terminal.TerminalOutput
    | terminal.TerminalAck
    | terminal.TerminalClose
    | terminal.TerminalEnded
    | forward.ForwardAsk
    | forward.ForwardRules
    | forward.ForwardOpen
    | forward.ForwardOpened
    | forward.ForwardData
    | forward.ForwardEnd
    | forward.ForwardCredit
    | forward.ForwardClosed
    | logs.LogSources
    | logs.LogListing
    | logs.LogFollow
    | logs.LogLines
    | logs.LogStop
    | logs.LogEnded
    | files.FileList
    | files.FileEntries
    | files.FileFolder
    | files.FilePut
    | files.FileGet
    | files.FileReady
    | files.FileChunk
    | files.FilePiece
    | files.FileStored
    | files.FileTaken
    | files.FileFinish
    | files.FileEnd
    | files.FileStop
    | files.FileResult
    | clipboard.ClipboardWatch
    | clipboard.ClipboardChanged
    | clipboard.ClipboardGet
    | clipboard.ClipboardPart
    | clipboard.ClipboardTaken
    | clipboard.ClipboardPut
    | clipboard.ClipboardStored
    | clipboard.ClipboardSet
)


def _rule(kind: type[Message]) -> MessageRule:
    tag = kind.__struct_config__.tag
    assert isinstance(tag, str)
    return MessageRule(tag, kind, kind.SENDER, kind.LANE, kind.CAPABILITY)


REGISTRY: dict[str, MessageRule] = {rule.tag: rule for rule in map(_rule, AnyMessage.__args__)}

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(AnyMessage)
_TAG_DECODER = msgspec.msgpack.Decoder(list[msgspec.Raw])
_STRING_DECODER = msgspec.msgpack.Decoder(str)


def rule_of(message: Message) -> MessageRule:
    """The rule of a message this version knows."""
    tag = type(message).__struct_config__.tag
    assert isinstance(tag, str)
    return REGISTRY[tag]


def encode_message(message: Message) -> bytes:
    """One message as MessagePack."""
    return _ENCODER.encode(message)


def decode_message(data: bytes | bytearray | memoryview) -> Message | UnknownMessage:
    """Decode and validate one message.

    Returns:
        The message, or `UnknownMessage` when it is well formed but of a type this version does not know.

    Raises:
        UndecodableMessage: not MessagePack, or a known type with fields of the wrong type, range or length.
    """
    try:
        message: Message = _DECODER.decode(data)
    # ValueError: msgspec's own DecodeError, and the UnicodeDecodeError that it lets through for text that is not UTF-8.
    except (ValueError, RecursionError) as error:
        tag = _tag_of(data)
        if tag is not None and tag not in REGISTRY:
            return UnknownMessage(tag)
        raise UndecodableMessage(f"message {tag or 'without a tag'} does not decode: {error}") from error
    return message


def _tag_of(data: bytes | bytearray | memoryview) -> str | None:
    try:
        items = _TAG_DECODER.decode(data)
        return _STRING_DECODER.decode(items[0])[:64] if items else None
    except (ValueError, RecursionError):
        return None
