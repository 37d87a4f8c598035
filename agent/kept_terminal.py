"""One terminal of a session: its program, what it printed and what was typed, counted; it outlives the tunnels of its session.

Nothing waits here without a bound. From the program only so much is read as the technician may still be sent; what was typed is
refused beyond a window. See `protocol.messages.terminal` for both.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable

from agent.backends.pty_process import PtyProcess, read_piece, write_piece
from agent.transcripts import Transcript
from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Refused, Unavailable
from protocol.messages import Message
from protocol.messages.terminal import (
    HISTORY_BYTES,
    INPUT_WINDOW,
    OUTPUT_WINDOW,
    PIECE_BYTES,
    TerminalEnded,
    TerminalOutput,
    TerminalRow,
    TerminalTaken,
)

_LOGGER = logging.getLogger(__name__)
Audit = Callable[[str, dict[str, str | int | bool]], None]


class KeptTerminal:
    """See the module's docstring. Event loop only; `attach` connects it to a technician, `detach` lets go of them."""

    def __init__(
        self,
        number: int,
        running: PtyProcess,
        transcript: Transcript,
        *,
        user: str,
        as_root: bool,
        size: tuple[int, int],
        audit: Audit,
    ) -> None:
        self.number = number
        self.user = user
        self.as_root = as_root
        self._size = size
        self._running = running
        self._transcript = transcript
        self._audit = audit
        self._loop = asyncio.get_running_loop()
        self._started = time.monotonic()
        self._say: Callable[[Message], None] | None = None
        self._held = False
        self._pieces: deque[tuple[int, int, bytes]] = deque()  # offset, stream, bytes
        self._next = self._sent = self._acked = self._confirmed = 0
        self._reading: set[int] = set()
        self._typed = bytearray()
        self._received = self._taken = 0
        self._writing = self._input_ends = False
        self._ended: TerminalEnded | None = None
        self._told_end = False
        self._why = ""
        self._read_all = asyncio.Event()
        self._watch()

    @property
    def needs(self) -> frozenset[Capability]:
        """See `agent.keeping.Keepsake`."""
        return frozenset({Capability.TERMINAL, Capability.TERMINAL_ROOT} if self.as_root else {Capability.TERMINAL})

    @property
    def ended(self) -> bool:
        """Whether its program is over."""
        return self._ended is not None

    def row(self) -> TerminalRow:
        """This terminal in a list."""
        first = self._pieces[0][0] if self._pieces else self._next
        columns, rows = self._size
        return TerminalRow(
            self.number, self.user, self.as_root, columns, rows, first, self._next, self._received, ended=self.ended
        )

    # -- the technician -----------------------------------------------------------------------------------------------

    def attach(self, say: Callable[[Message], None], offset: int) -> None:
        """From now on `say` takes what there is to tell, the output from `offset` on."""
        self._say = say
        first = self._pieces[0][0] if self._pieces else self._next
        self._sent = self._acked = min(max(offset, first), self._next)
        self._told_end = False
        self._pump()
        self._watch()

    def detach(self) -> None:
        """Nobody listens. The program goes on until what may be kept for them is full."""
        self._say = None

    def hold(self, held: bool) -> None:
        """While held back (paused) nothing is sent."""
        self._held = held
        self._pump()

    def ack(self, offset: int) -> None:
        """The technician has shown the output up to `offset`; anything but what was sent is ignored."""
        if not self._acked < offset <= self._sent:
            return
        self._acked = offset
        self._confirmed = max(self._confirmed, offset)
        while self._pieces and self._pieces[0][0] + len(self._pieces[0][2]) + HISTORY_BYTES <= self._confirmed:
            self._pieces.popleft()
        self._pump()
        self._watch()

    def resize(self, columns: int, rows: int) -> None:
        """The technician's window has another size."""
        self._size = (columns, rows)
        if not self.ended:
            self._running.resize(columns, rows)

    def type(self, data: bytes, end: bool) -> None:
        """Bytes for the program.

        Raises:
            Refused: more than may wait; none of it was taken.
        """
        if self.ended or self._input_ends:
            return
        number = self._running.interrupt_of(data) if self._typed else None
        if number is not None:
            self._received += len(data)
            self._typed.clear()
            self._running.interrupt(number)
            self._tell_taken(self._received)
            return
        if len(self._typed) + len(data) > INPUT_WINDOW:
            raise Refused(
                "The program in this terminal does not read what is typed; the last of it was left out.",
                reason=RefusalReason.LIMIT,
            )
        self._received += len(data)
        self._typed += data
        self._input_ends = end
        self._write()

    def end(self, why: str) -> None:
        """End its program and everything that it started, and write down how it was. See `agent.keeping.Keepsake`."""
        if self.ended:
            return
        self._why = why
        self._running.hang_up()
        self._finish(None)

    # -- the program --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until the program and everything it started are gone and all it printed has been read."""
        status = await self._running.process.wait()
        if self._running.outputs:
            await self._read_all.wait()  # what is left waits for the technician like everything before it
        self._finish(status if 0 <= status <= 255 else 128 - status)

    def _finish(self, status: int | None) -> None:
        if self.ended:
            return
        self._ended = TerminalEnded(self.number, status, self._why)
        for descriptor in tuple(self._reading):
            self._stop_reading(descriptor)
        self._stop_writing()
        self._read_all.set()
        self._running.close()
        self._transcript.close()
        detail: dict[str, str | int | bool] = {
            "terminal": self.number,
            "user": self.user,
            "seconds": round(time.monotonic() - self._started),
            "printed_bytes": self._transcript.size,
            "typed_bytes": self._taken,
            "transcript_sha256": self._transcript.digest,
        }
        if status is not None:
            detail["exit_status"] = status
        if self._why:
            detail["ended_because"] = self._why[:200]
        if self._transcript.name:
            detail["transcript"] = self._transcript.name
        if self._transcript.fault:
            detail["transcript_fault"] = self._transcript.fault
        try:
            self._audit("terminal ended", detail)
        except Unavailable as error:  # what has happened is told all the same
            _LOGGER.error("the end of a terminal was not recorded: %s", error)
        self._pump()

    def _watch(self) -> None:
        """Read from the program while the technician may be sent more."""
        if self.ended:
            return
        room = self._next - max(self._acked, self._confirmed) < OUTPUT_WINDOW
        for stream, descriptor in self._running.outputs.items():
            if room and descriptor not in self._reading:
                self._reading.add(descriptor)
                self._loop.add_reader(descriptor, self._read, stream, descriptor)
            elif not room and descriptor in self._reading:
                self._stop_reading(descriptor)

    def _stop_reading(self, descriptor: int) -> None:
        self._reading.discard(descriptor)
        self._loop.remove_reader(descriptor)

    def _read(self, stream: int, descriptor: int) -> None:
        data = read_piece(descriptor, PIECE_BYTES)
        if data is None:
            return
        if not data:
            self._stop_reading(descriptor)
            # The master of a pseudo-terminal is read from and written to; it is closed at the end.
            self._running.outputs.pop(stream)
            if descriptor != self._running.typed:
                self._running.close_one(descriptor)
            if not self._running.outputs:
                self._read_all.set()
            return
        self._transcript.feed(data)
        self._pieces.append((self._next, stream, data))
        self._next += len(data)
        self._pump()
        self._watch()

    def _pump(self) -> None:
        """Send what may be sent."""
        if self._say is None or self._held:
            return
        for offset, stream, data in self._unsent():
            room = self._acked + OUTPUT_WINDOW - self._sent
            if room <= 0:
                return
            piece = data[self._sent - offset :][:room]
            self._say(TerminalOutput(self.number, self._sent, piece, stream))
            self._sent += len(piece)
        if self._ended is not None and not self._told_end and self._sent == self._next:
            self._told_end = True
            self._say(self._ended)

    def _unsent(self) -> list[tuple[int, int, bytes]]:
        """The pieces that were not sent (whole), oldest first; found from the end, where they are."""
        found = []
        for piece in reversed(self._pieces):
            if piece[0] + len(piece[2]) <= self._sent:
                break
            found.append(piece)
        return found[::-1]

    def _write(self) -> None:
        taken = self._taken
        while self._typed:
            written = write_piece(self._running.typed, bytes(self._typed[:PIECE_BYTES]))
            if written < 0:  # nobody will read it
                written = len(self._typed)
            if not written:
                break
            del self._typed[:written]
            self._taken += written
        if self._typed and not self._writing:
            self._writing = True
            self._loop.add_writer(self._running.typed, self._write)
        elif not self._typed:
            self._stop_writing()
            if self._input_ends:
                self._running.end_input()
        if self._taken > taken:
            self._tell_taken(self._taken)

    def _stop_writing(self) -> None:
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._running.typed)

    def _tell_taken(self, taken: int) -> None:
        self._taken = taken
        if not self._typed:
            self._stop_writing()
        if self._say is not None:
            self._say(TerminalTaken(self.number, taken))
