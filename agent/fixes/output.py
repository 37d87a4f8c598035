"""What a script prints, on its way to the technician: decoded, made harmless, in pieces that fit a message, up to a limit."""

import codecs
from collections.abc import Callable
from typing import Literal

from protocol.printable import NEWLINE_AND_TAB, printable

Stream = Literal["stdout", "stderr"]
PIECE_CHARACTERS = 16_000
_READ_PIECE = 3_500
FLOOD_FACTOR = 16
FLOOD_LEAST = 4 * 1024 * 1024


class OutputStream:
    """One of a step's two streams. A character cut in two by a read is put together; `\\r\\n` becomes a newline."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._carriage_return = False

    def feed(self, data: bytes, *, last: bool = False) -> str:
        """The printable text of what has come in so far."""
        text = self._decoder.decode(data, final=last)
        if self._carriage_return:
            text = "\r" + text
        self._carriage_return = text.endswith("\r") and not last
        if self._carriage_return:
            text = text[:-1]
        return printable(text.replace("\r\n", "\n"), keep=NEWLINE_AND_TAB)


class StepOutput:
    """Both streams of one step under one limit. `emit(stream, text)` is called with pieces of at most 16,000 characters.

    `truncated` becomes true when something was left out; `flooding` when so much comes that the step should be ended: a script
    that prints without end would otherwise keep a processor busy until its timeout.
    """

    def __init__(self, max_bytes: int, emit: Callable[[Stream, str], None]) -> None:
        self._room = max_bytes
        self._emit = emit
        self._flood = max(max_bytes * FLOOD_FACTOR, FLOOD_LEAST)
        self._streams: dict[Stream, OutputStream] = {"stdout": OutputStream(), "stderr": OutputStream()}
        self.truncated = False
        self.flooding = False
        self._seen = 0

    def feed(self, stream: Stream, data: bytes) -> None:
        """Bytes as they were read."""
        self._seen += len(data)
        self.flooding = self._seen > self._flood
        kept = data[: self._room]
        self._room -= len(kept)
        if len(kept) < len(data):
            self.truncated = True
        # Every byte may become four characters.
        for start in range(0, len(kept), _READ_PIECE):
            self._say(stream, self._streams[stream].feed(kept[start : start + _READ_PIECE]))

    def finish(self) -> None:
        """Both streams are at their end."""
        for name, stream in self._streams.items():
            self._say(name, stream.feed(b"", last=True))

    def _say(self, stream: Stream, text: str) -> None:
        if text:
            self._emit(stream, text)
