"""What waits for the end of a pause: in order, counted by lane, and without what was taken back meanwhile."""

from collections import Counter, deque
from types import MappingProxyType
from typing import Final

from protocol.capabilities import Capability
from protocol.messages import Lane, Message, rule_of
from protocol.messages.clipboard import ClipboardChanged, ClipboardPart
from protocol.messages.diagnostics import DiagnosticsDone, DiagnosticsTable
from protocol.messages.files import FileEnd, FileEntries, FilePiece
from protocol.messages.fixes import FixOutput
from protocol.messages.forward import ForwardData
from protocol.messages.live import LiveProcesses, LiveSample, LiveServices
from protocol.messages.logs import LogLines, LogListing
from protocol.messages.screen import CursorMove
from protocol.messages.terminal import TerminalOutput

MOST: Final = 4096
EACH_BYTES: Final = 32 * 1024
TELLS: Final = MappingProxyType(
    {
        ClipboardChanged: Capability.CLIPBOARD_OUT,
        ClipboardPart: Capability.CLIPBOARD_OUT,
        CursorMove: Capability.VIEW,
        DiagnosticsDone: Capability.DIAGNOSTICS,
        DiagnosticsTable: Capability.DIAGNOSTICS,
        FileEnd: Capability.FILES_OUT,
        FileEntries: Capability.FILES_OUT,
        FilePiece: Capability.FILES_OUT,
        FixOutput: Capability.FIXES,
        ForwardData: Capability.FORWARD,
        LiveProcesses: Capability.DIAGNOSTICS,
        LiveSample: Capability.DIAGNOSTICS,
        LiveServices: Capability.DIAGNOSTICS,
        LogLines: Capability.DIAGNOSTICS,
        LogListing: Capability.DIAGNOSTICS,
        TerminalOutput: Capability.TERMINAL,
    }
)
"""Which messages tell what only this capability lets be known. The others say how something ended or stands, and somebody waits
for that."""


class HeldBack:
    """The messages of one session that wait."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()
        self._counted: Counter[Lane] = Counter()

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, message: Message) -> bool:
        """Let it wait; False: there is no room for it, and it is lost."""
        if len(self._messages) >= MOST:
            return False
        self._messages.append(message)
        self._counted[rule_of(message).lane] += 1
        return True

    def take(self) -> Message | None:
        """The oldest, which waits no longer."""
        if not self._messages:
            return None
        message = self._messages.popleft()
        self._counted[rule_of(message).lane] -= 1
        return message

    def lost(self, capability: Capability) -> None:
        """What was read by its leave does not go out any more, whatever is granted later."""
        before, self._messages = self._messages, deque()
        self._counted.clear()
        for message in before:
            if TELLS.get(type(message)) is not capability:
                self.add(message)

    def pending(self, lane: Lane) -> int:
        """Bytes of a lane, each message counted as large."""
        return self._counted[lane] * EACH_BYTES
