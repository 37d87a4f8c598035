"""A terminal on the device: a program on a pseudo-terminal (or three pipes), kept over a cut of the connection.

What the program prints is one sequence of bytes. Both sides count it: the agent sends at most `OUTPUT_WINDOW` bytes ahead of
what the technician has acknowledged, keeps those and `HISTORY_BYTES` before them, and sends again from wherever a technician who
comes back says that they had got to. What is typed is counted the same way against `INPUT_WINDOW`.
"""

from typing import Annotated, ClassVar, Final

import msgspec

from protocol.capabilities import Capability
from protocol.messages.base import Lane, LongText, Message, RequestId, Sender, ShortText

OUTPUT_WINDOW: Final = 64 * 1024
INPUT_WINDOW: Final = 32 * 1024
HISTORY_BYTES: Final = 192 * 1024
PIECE_BYTES: Final = 8 * 1024
MOST_TERMINALS: Final = 8

Columns = Annotated[int, msgspec.Meta(ge=2, le=1000)]
Rows = Annotated[int, msgspec.Meta(ge=1, le=1000)]
TerminalId = Annotated[int, msgspec.Meta(ge=1, le=2**31)]
Offset = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Piece = Annotated[bytes, msgspec.Meta(max_length=PIECE_BYTES)]
Command = Annotated[str, msgspec.Meta(max_length=8000, pattern=r"^[^\0]*\Z")]


class TerminalRow(msgspec.Struct, frozen=True):
    """One terminal of this session. `user` is the account it runs as; bytes from `first` to `next` of its output are still
    there; `typed`: so many bytes that were typed have arrived; `ended`: its program is over."""

    terminal: TerminalId
    user: ShortText
    as_root: bool
    columns: Columns
    rows: Rows
    first: Offset
    next: Offset
    typed: Offset
    ended: bool


class TerminalOpen(Message, frozen=True, tag="terminal.open"):
    """T->A: start the user's login shell, or `command` by it. `tty` False: plain pipes instead of a pseudo-terminal. The answer
    is `TerminalOpened` or a refusal."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.TERMINAL
    request: RequestId
    columns: Columns
    rows: Rows
    command: Command = ""
    tty: bool = True


class TerminalOpenRoot(Message, frozen=True, tag="terminal.open_root"):
    """T->A: as `TerminalOpen`, as the administrator. `terminal` has to be granted as well."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.TERMINAL_ROOT
    request: RequestId
    columns: Columns
    rows: Rows
    command: Command = ""
    tty: bool = True


class TerminalOpened(Message, frozen=True, tag="terminal.opened"):
    """A->T: it runs, as `user`."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
    terminal: TerminalId
    user: ShortText
    as_root: bool


class TerminalList(Message, frozen=True, tag="terminal.list"):
    """T->A: which terminals this session has."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.TERMINAL
    request: RequestId


class TerminalListing(Message, frozen=True, tag="terminal.listing"):
    """A->T: answer to `TerminalList`."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
    terminals: Annotated[list[TerminalRow], msgspec.Meta(max_length=MOST_TERMINALS)]


class TerminalAttach(Message, frozen=True, tag="terminal.attach"):
    """T->A: send the output of a terminal from `offset` on. Of output that is no longer kept the beginning is left out: the
    first `TerminalOutput` says where it begins."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.TERMINAL
    terminal: TerminalId
    offset: Offset


class TerminalInput(Message, frozen=True, tag="terminal.input"):
    """T->A: typed bytes. `end`: nothing more will be typed (closes the pipe of a terminal without tty)."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.INPUT
    CAPABILITY: ClassVar = Capability.TERMINAL
    terminal: TerminalId
    data: Piece
    end: bool = False


class TerminalTaken(Message, frozen=True, tag="terminal.taken"):
    """A->T: of what was typed, `offset` bytes are with the program (or were thrown away when it was interrupted)."""

    SENDER: ClassVar = Sender.AGENT
    terminal: TerminalId
    offset: Offset


class TerminalResize(Message, frozen=True, tag="terminal.resize"):
    """T->A: the window has another size."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.INPUT
    CAPABILITY: ClassVar = Capability.TERMINAL
    terminal: TerminalId
    columns: Columns
    rows: Rows


class TerminalOutput(Message, frozen=True, tag="terminal.output"):
    """A->T: a piece of what the program printed. `offset` counts from the terminal's beginning; `stream` is 2 for the standard
    error of a terminal without tty. A piece may begin before what was acknowledged only after `TerminalAttach`."""

    SENDER: ClassVar = Sender.AGENT
    terminal: TerminalId
    offset: Offset
    data: Piece
    stream: Annotated[int, msgspec.Meta(ge=1, le=2)] = 1


class TerminalAck(Message, frozen=True, tag="terminal.ack"):
    """T->A: the output up to `offset` has been shown."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.TERMINAL
    terminal: TerminalId
    offset: Offset


class TerminalClose(Message, frozen=True, tag="terminal.close"):
    """T->A: end the program and everything it started, and forget the terminal."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.TERMINAL
    terminal: TerminalId


class TerminalEnded(Message, frozen=True, tag="terminal.ended"):
    """A->T: the program is over; follows its last output. `status` is its exit status (128 + n when signal n ended it), None
    when it was ended from here; `text` says why in that case."""

    SENDER: ClassVar = Sender.AGENT
    terminal: TerminalId
    status: Annotated[int, msgspec.Meta(ge=0, le=255)] | None = None
    text: LongText = ""
