"""One terminal on a device, over as many sessions as it takes: what is printed comes whole and once, what is typed goes whole
and once, also over a cut of the connection. See `protocol.messages.terminal`."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from protocol.errors import HandrailError, Refused
from protocol.messages.session import Paused, Refusal
from protocol.messages.terminal import (
    INPUT_WINDOW,
    PIECE_BYTES,
    TerminalAck,
    TerminalAttach,
    TerminalClose,
    TerminalEnded,
    TerminalInput,
    TerminalList,
    TerminalListing,
    TerminalOpen,
    TerminalOpened,
    TerminalOpenRoot,
    TerminalOutput,
    TerminalResize,
    TerminalTaken,
)
from technician_client.sessions import Session

ITEMS: Final = 64
_HEARD: Final = (
    TerminalOpened,
    TerminalListing,
    TerminalOutput,
    TerminalTaken,
    TerminalEnded,
    Refusal,
    Paused,
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What to open; `command` "" is a login shell, `tty` False plain pipes."""

    columns: int = 80
    rows: int = 24
    command: str = ""
    tty: bool = True
    as_root: bool = False


@dataclass(frozen=True, slots=True)
class Hooks:
    """Where a terminal leads: `show` takes the number of the stream (1, 2) and bytes; what it shows is acknowledged when it
    returns. `opened` hears the account, `paused` who holds the session back ("": nobody any more)."""

    show: Callable[[int, bytes], Awaitable[None]]
    opened: Callable[[str], None] = lambda _: None
    paused: Callable[[str], None] = lambda _: None
    lost: Callable[[int], None] = lambda _: None


class RemoteTerminal:
    """See the module's docstring. Call `run` with a session, and again with the resumed one when it returns None."""

    def __init__(self, wish: Wish, hooks: Hooks) -> None:
        self._wish = wish
        self._hooks = hooks
        self._session: Session | None = None
        self._number = 0
        self._shown = 0
        self._size = (wish.columns, wish.rows)
        self._waiting = bytearray()  # typed and not known to have arrived
        self._arrived = 0
        self._input_ends = self._held = False
        self._room = asyncio.Event()
        self._room.set()

    async def run(self, session: Session) -> TerminalEnded | None:
        """Until the program is over (how is returned) or the session is (None).

        Raises:
            Refused: it was not opened, or the device forgot it.
        """
        with session.subscribe(*_HEARD, limit=ITEMS) as items:
            self._session = session
            try:
                request = self._begin(session)
                async for item in items:
                    if isinstance(item, Refusal):
                        self._refused(item, request)
                        continue
                    ended = await self._hear(session, item)
                    if ended is not None:
                        return ended
            finally:
                self._session = None
        return None

    def _begin(self, session: Session) -> int:
        wish, request = self._wish, session.next_request()
        if self._number:
            session.send(TerminalList(request))
        else:
            kind = TerminalOpenRoot if wish.as_root else TerminalOpen
            session.send(kind(request, *self._size, wish.command, wish.tty))
        return request

    async def _hear(self, session: Session, item: object) -> TerminalEnded | None:
        match item:
            case TerminalOpened(terminal=number, user=user) if not self._number:
                self._number = number
                self._hooks.opened(user)
                self._send_typed(bytes(self._waiting))
            case TerminalListing(terminals=rows) if self._number:
                row = next((row for row in rows if row.terminal == self._number), None)
                if row is None:
                    return TerminalEnded(self._number, None, "The device has ended this terminal.")
                self._forget(row.typed)
                session.send(TerminalAttach(self._number, self._shown))
                session.send(TerminalResize(self._number, *self._size))
                self._send_typed(bytes(self._waiting))
            case TerminalOutput(terminal=self._number):
                await self._show(session, item)
            case TerminalTaken(terminal=self._number, offset=offset):
                self._forget(offset)
            case TerminalEnded(terminal=self._number):
                return item
            case Paused(paused=paused, by=by) if by == "user" or not paused:
                self._hold(session, paused, by)
            case _:
                pass
        return None

    def _hold(self, session: Session, held: bool, by: str) -> None:
        """What is typed while the user holds everything back waits here."""
        before, self._held = self._held, held
        if before is held:
            return
        self._hooks.paused(by if held else "")
        if not held and self._number:
            session.send(TerminalList(session.next_request()))

    async def _show(self, session: Session, piece: TerminalOutput) -> None:
        end = piece.offset + len(piece.data)
        if end <= self._shown:
            return
        if piece.offset > self._shown:
            self._hooks.lost(piece.offset - self._shown)
            self._shown = piece.offset
        await self._hooks.show(piece.stream, piece.data[self._shown - piece.offset :])
        self._shown = end
        if session.ended is None:
            self._say(TerminalAck(self._number, end))

    def _refused(self, refusal: Refusal, request: int) -> None:
        ours = refusal.refused.startswith("terminal.")
        if ours and (refusal.request == request or refusal.reason != "paused"):
            raise Refused(refusal.text or f"The device refused {refusal.refused}.", reason=refusal.reason)

    # -- typing -------------------------------------------------------------------------------------------------------

    async def type(self, data: bytes) -> None:
        """Pass on what was typed; waits while the program does not read."""
        for start in range(0, len(data), PIECE_BYTES):
            piece = data[start : start + PIECE_BYTES]
            await self._wait_for_room(len(piece))
            self._waiting += piece
            self._send_typed(piece)

    def interrupt(self, key: bytes) -> None:
        """Pass on one key at once, whether or not the program reads: the device knows which keys interrupt."""
        self._waiting += key
        self._send_typed(key)

    def end_input(self) -> None:
        """Nothing more will be typed."""
        self._input_ends = True
        self._send_typed(b"")

    async def _wait_for_room(self, size: int) -> None:
        while len(self._waiting) + size > INPUT_WINDOW:
            self._room.clear()
            await self._room.wait()

    def _forget(self, arrived: int) -> None:
        """So many typed bytes have arrived."""
        if self._arrived < arrived <= self._arrived + len(self._waiting):
            del self._waiting[: arrived - self._arrived]
            self._arrived = arrived
            self._room.set()

    def _send_typed(self, data: bytes) -> None:
        if self._held or not self._number:
            return
        for start in range(0, len(data), PIECE_BYTES):
            self._say(TerminalInput(self._number, data[start : start + PIECE_BYTES]))
        if self._input_ends:
            self._say(TerminalInput(self._number, b"", end=True))

    def resize(self, columns: int, rows: int) -> None:
        """The window has another size."""
        self._size = (columns, rows)
        if self._number:
            self._say(TerminalResize(self._number, columns, rows))

    def close(self) -> None:
        """End the program."""
        if self._number:
            self._say(TerminalClose(self._number))

    def _say(self, message: TerminalAck | TerminalClose | TerminalInput | TerminalResize) -> None:
        """While there is a session; what was typed meanwhile waits for the next one."""
        if self._session is None:
            return
        try:
            self._session.send(message)
        except HandrailError:
            self._session = None  # it has just ended; `run` is about to return


class EscapeFilter:
    """Finds `~.` at the beginning of a line (end everything), as in other remote shells; `~~` is one tilde."""

    def __init__(self) -> None:
        self._state = _State.LINE_START

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """What to pass on of some typed bytes, and whether `~.` was among them (then nothing after it counts)."""
        out = bytearray()
        for byte in data:
            if self._state is _State.TILDE:
                if byte == ord("."):
                    return bytes(out), True
                if byte != ord("~"):
                    out += b"~"
                self._state = _State.WITHIN
            elif self._state is _State.LINE_START and byte == ord("~"):
                self._state = _State.TILDE
                continue
            out.append(byte)
            self._state = _State.LINE_START if byte in b"\r\n" else _State.WITHIN
        return bytes(out), False


class _State(Enum):
    LINE_START = "line start"
    TILDE = "tilde"
    WITHIN = "within"
