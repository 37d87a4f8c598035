"""Whether anybody sees that a technician is here.

An attended session shows itself to the person through the programs that are attached to the agent: windows or a terminal. When
the last of them is gone (closed, crashed, killed), the session is held at once, both ways, and ends unless one comes back in
time.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from agent.consent import ConsentBroker
from hostio.tasks import Alarm

UNSEEN: Final = "nobody at the computer could see the session any more: the window or terminal that showed it has ended"


class Presence:
    """Watches over one session that the person here was asked about. Event loop only.

    Args:
        seconds: how long a session may stand still with nobody to see it.
        hold: hold everything back, or let it go on.
        end: nobody has come back; the text says so.
    """

    def __init__(self, broker: ConsentBroker, seconds: float, hold: Callable[[bool], object], end: Callable[[str], None]) -> None:
        self._broker = broker
        self._seconds = seconds
        self._hold = hold
        self._alarm = Alarm(lambda: end(UNSEEN))
        self._leave: Callable[[], None] | None = None

    def begin(self, seconds: float = 0.0) -> None:
        """The session is open. `seconds`: the first wait may last so long, should it be longer."""
        self._leave = self._broker.watch(self._heed)
        if not self._broker.attached:
            self._wait(max(seconds, self._seconds))

    def close(self) -> None:
        """The session is over."""
        self._alarm.set(None)
        if self._leave is not None:
            self._leave()
            self._leave = None

    def _heed(self, attached: bool) -> None:
        if attached:
            self._alarm.set(None)
            self._hold(False)
        else:
            self._wait(self._seconds)

    def _wait(self, seconds: float) -> None:
        self._hold(True)
        self._alarm.set(asyncio.get_running_loop().time() + seconds)
