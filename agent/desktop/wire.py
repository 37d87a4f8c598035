"""The desktop side's end of the local socket, on Qt's event loop: requests out, events in, and dialling again when it is gone."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec
from PySide6.QtCore import QObject, QTimer
from PySide6.QtNetwork import QLocalSocket

from agent.local_messages import AnySaid, AreYouThere, Attach, Failed, Request, Said, StillHere
from protocol.errors import RefusalReason

_LOGGER = logging.getLogger(__name__)
MOST_LINE_BYTES = 1024 * 1024
REDIAL_MILLISECONDS = 1500

_SAID = msgspec.json.Decoder(AnySaid)
_ENCODER = msgspec.json.Encoder()


class LineTooLong(ValueError):
    """The other side sends no end of a line."""


class Lines:
    """Cuts a stream of bytes into lines of at most `MOST_LINE_BYTES`."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The whole lines that `data` completes.

        Raises:
            LineTooLong: a line has no end.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MOST_LINE_BYTES or any(len(line) > MOST_LINE_BYTES for line in lines):
            raise LineTooLong
        return lines


class WireListener(Protocol):
    """Who hears of the daemon."""

    def agent_here(self) -> None:
        """Connected, and attached: questions come here."""

    def agent_gone(self, reason: str) -> None:
        """It does not answer; `reason` is Qt's, for the log."""

    def heard(self, said: Said) -> None:
        """One event."""


Answered = Callable[[Said], None]


class Wire(QObject):
    """One connection to the daemon, made again whenever it breaks."""

    def __init__(self, path: Path, listener: WireListener, *, draws: bool = False) -> None:
        """Args: draws: whether the technician's arrow and drawings can be shown here."""
        super().__init__()
        self._draws = draws
        self._path = path
        self._listener = listener
        self._next = 1
        self._answers: dict[int, Answered | None] = {}
        self._lines = Lines()
        self._socket = QLocalSocket(self)
        self._socket.connected.connect(self._connected)
        self._socket.disconnected.connect(self._lost)
        self._socket.errorOccurred.connect(self._failed)
        self._socket.readyRead.connect(self._read)
        self._redial = QTimer(self)
        self._redial.setSingleShot(True)
        self._redial.setInterval(REDIAL_MILLISECONDS)
        self._redial.timeout.connect(self.dial)

    @property
    def up(self) -> bool:
        """Whether the daemon is there."""
        return self._socket.state() == QLocalSocket.LocalSocketState.ConnectedState

    def dial(self) -> None:
        """Connect, now or as soon as somebody listens."""
        if self._socket.state() == QLocalSocket.LocalSocketState.UnconnectedState:
            self._socket.connectToServer(str(self._path))

    def close(self) -> None:
        """Disconnect for good."""
        self._redial.stop()
        self._socket.blockSignals(True)
        self._socket.abort()

    def request(self, make: Callable[[int], Request], answered: Answered | None = None) -> None:
        """Send what `make(id)` returns; `answered` hears the one answer (`Failed` when the daemon is not there)."""
        number, self._next = self._next, self._next + 1
        if not self.up:
            if answered is not None:
                answered(Failed(number, RefusalReason.OFFLINE, "The agent is not running."))
            return
        self._answers[number] = answered
        self._socket.write(_ENCODER.encode(make(number)) + b"\n")

    def _connected(self) -> None:
        self._lines, self._answers = Lines(), {}
        self.request(lambda number: Attach(number, "desktop", self._draws))
        self._listener.agent_here()

    def _failed(self, _error: object) -> None:
        if self._socket.state() != QLocalSocket.LocalSocketState.ConnectedState:
            self._lost()

    def _lost(self) -> None:
        waiting, self._answers = self._answers, {}
        for number, answered in waiting.items():
            if answered is not None:
                answered(Failed(number, RefusalReason.OFFLINE, "The agent has stopped."))
        self._listener.agent_gone(self._socket.errorString())
        self._redial.start()

    def _read(self) -> None:
        try:
            for line in self._lines.feed(bytes(self._socket.readAll().data())):
                self._take(_SAID.decode(line))
        except ValueError as error:  # not JSON, not a message of ours, or a line without an end
            _LOGGER.error("the agent said something that is not of its protocol: %s", error)
            self._socket.abort()

    def _take(self, said: Said) -> None:
        if isinstance(said, Failed) and said.id == 0:
            _LOGGER.error("the agent refuses this program: %s", said.text)
        elif isinstance(said, AreYouThere):
            # From Qt's own loop: while this is answered, what is on the screen is painted too.
            self.request(lambda number: StillHere(number, said.number))
        elif (number := getattr(said, "id", None)) is not None:
            answered = self._answers.pop(number, None)
            if answered is not None:
                answered(said)
            elif isinstance(said, Failed):
                _LOGGER.warning("the agent refused: %s", said.text)
        else:
            self._listener.heard(said)
