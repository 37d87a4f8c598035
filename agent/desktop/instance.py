"""One desktop process for one agent: a second start hands its wish to the first and ends."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtNetwork import QLocalServer, QLocalSocket

SOCKET = "desktop.sock"
WAIT_MILLISECONDS = 1000
GET_HELP = b"get-help\n"
SHOW = b"show\n"
MOST_BYTES = 64


def hand_over(home: Path, *, get_help: bool) -> bool:
    """Tell the one that runs what is wanted; False when none runs."""
    socket = QLocalSocket()
    socket.connectToServer(str(home / SOCKET))
    if not socket.waitForConnected(WAIT_MILLISECONDS):
        return False
    socket.write(GET_HELP if get_help else SHOW)
    socket.flush()
    socket.waitForBytesWritten(WAIT_MILLISECONDS)
    socket.disconnectFromServer()
    return True


class Instance(QObject):
    """The one that runs: hears from later ones."""

    def __init__(self, home: Path, wanted: Callable[[bool], None]) -> None:
        """Args: wanted: called with whether help is wanted (else: whatever shows the state)."""
        super().__init__()
        self._wanted = wanted
        path = str(home / SOCKET)
        QLocalServer.removeServer(path)  # left behind by a crash: nobody answered there a moment ago
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._accept)
        self._server.listen(path)

    def close(self) -> None:
        """Make room for the next one."""
        self._server.close()

    def _accept(self) -> None:
        socket = self._server.nextPendingConnection()
        socket.readyRead.connect(lambda: self._read(socket))
        socket.disconnected.connect(socket.deleteLater)

    def _read(self, socket: QLocalSocket) -> None:
        said = bytes(socket.read(MOST_BYTES).data())
        if said in (GET_HELP, SHOW):
            self._wanted(said == GET_HELP)
        socket.abort()
