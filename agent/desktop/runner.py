"""Runs an agent while the desktop side lasts, where none runs already: `handrail-agent desktop` is all that one starts."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QProcess

TAIL_BYTES = 4096
STOP_MILLISECONDS = 12_000
STARTS = 3


def agent_argv(home: Path) -> list[str]:
    """The command that runs an agent."""
    return [sys.executable, "-m", "agent", "--home", str(home), "run"]


class AgentRunner(QObject):
    """Starts the agent when asked, at most `STARTS` times; hears why it ended."""

    def __init__(self, argv: Sequence[str], ended: Callable[[str], None]) -> None:
        """Args: ended: called with the last line that it wrote."""
        super().__init__()
        self._argv = list(argv)
        self._ended = ended
        self._starts = 0
        self._tail = b""
        self._process = QProcess(self)
        self._process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        self._process.readyRead.connect(self._read)
        self._process.finished.connect(self._finished)

    @property
    def running(self) -> bool:
        """Whether the agent that this started is there."""
        return self._process.state() != QProcess.ProcessState.NotRunning

    def start(self) -> None:
        """Start it, unless it runs or has ended too often."""
        if self.running or self._starts >= STARTS:
            return
        self._starts += 1
        self._process.start(self._argv[0], self._argv[1:])

    def stop(self) -> None:
        """End it politely: sessions first."""
        if self.running:
            self._process.terminate()
            if not self._process.waitForFinished(STOP_MILLISECONDS):
                self._process.kill()
                self._process.waitForFinished(STOP_MILLISECONDS)

    def _read(self) -> None:
        data = bytes(self._process.readAll().data())
        sys.stderr.buffer.write(data)
        sys.stderr.flush()
        self._tail = (self._tail + data)[-TAIL_BYTES:]

    def _finished(self) -> None:
        lines = [line for line in self._tail.decode(errors="replace").splitlines() if line.strip()]
        self._ended(lines[-1].removeprefix("handrail-agent: ") if lines else "")
