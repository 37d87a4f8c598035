"""The composition root of the desktop side: one state, one wire, and the windows that show it."""

import time
from collections.abc import Callable, Collection

from PySide6.QtCore import QObject, QTimer

from agent.desktop.consent_window import ConsentWindow
from agent.desktop.state import DesktopState
from agent.desktop.texts import Texts
from agent.desktop.wire import Wire
from agent.local_messages import AnswerConsent, MoreTime, Said
from agent.settings import AgentSettings
from protocol.capabilities import Capability

TICK_MILLISECONDS = 1000


class Desktop(QObject):
    """Hears the daemon and the person, and shows each what the other does."""

    def __init__(self, settings: AgentSettings, texts: Texts, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._texts = texts
        self.state = DesktopState()
        self.wire = Wire(settings.socket, self)
        self.consent = ConsentWindow(texts, self, clock)
        self._ticker = QTimer(self)
        self._ticker.setInterval(TICK_MILLISECONDS)
        self._ticker.timeout.connect(self.refresh)

    def start(self) -> None:
        """Dial the daemon and begin to show."""
        self._ticker.start()
        self.wire.dial()

    def refresh(self) -> None:
        """Bring every window in line with the state."""
        self.consent.show_questions(self.state.questions)

    # -- the daemon (`wire.WireListener`) -----------------------------------------------------------------------------

    def agent_here(self) -> None:
        """It answers."""
        self.state.agent_here()
        self.refresh()

    def agent_gone(self, reason: str) -> None:
        """It does not."""
        self.state.agent_gone(reason)
        self.refresh()

    def heard(self, said: Said) -> None:
        """It says something."""
        self.state.hear(said, self._clock(), time.time())
        self.refresh()

    # -- the person ---------------------------------------------------------------------------------------------------

    def consent_answered(self, question: int, granted: Collection[Capability], yes: bool) -> None:
        """See `consent_window.ConsentListener`."""
        self.state.drop_question(question)
        self.wire.request(lambda number: AnswerConsent(number, question, list(granted), yes))
        self.refresh()

    def more_time_wanted(self, question: int) -> None:
        """See `consent_window.ConsentListener`."""
        self.wire.request(lambda number: MoreTime(number, question))
