"""What holds a session back, and how the features and the technician hear of it.

Two things hold everything back but chat, both ways: the person's own pause ("user"), and nobody there to see the session
("unwatched"). Two hold back only what acts on the desktop: a question of ours on the screen ("question") and, by policy, the
person's own hands ("local_input").
"""

from collections.abc import Callable
from typing import Final

from agent.hosting import FeatureHost
from agent.policy import ACTS_ON_THE_DESKTOP
from protocol.messages.session import Paused
from protocol.session import AgentSession, SessionState

EVERYTHING: Final = ("user", "unwatched")
ON_THE_DESKTOP: Final = ("question", "local_input")


class Holds:
    """The holds of one session; the newest of a kind is the one that is named."""

    def __init__(self, machine: AgentSession, host: FeatureHost, now: Callable[[], float]) -> None:
        self._machine = machine
        self._host = host
        self._now = now
        self._by: list[str] = []

    @property
    def by_person(self) -> bool:
        """Whether the person here has paused the session."""
        return "user" in self._by

    def set(self, by: str, held: bool) -> bool:
        """Begin or end one hold. False: it was so already, or the session is not open."""
        if self._machine.state is not SessionState.OPEN or held is (by in self._by):
            return False
        everything, desktop = self._newest(EVERYTHING), self._newest(ON_THE_DESKTOP)
        self._by = [*self._by, by] if held else [one for one in self._by if one != by]
        self._tell_features(bool(everything))
        self._tell_technician(by, (everything, desktop))
        return True

    def _newest(self, kinds: tuple[str, ...]) -> str:
        return next((one for one in reversed(self._by) if one in kinds), "")

    def _tell_features(self, before: bool) -> None:
        everything, desktop = bool(self._newest(EVERYTHING)), bool(self._newest(ON_THE_DESKTOP))
        if everything is not before:
            self._host.paused(everything)
        if not everything or desktop:
            self._host.paused(desktop, ACTS_ON_THE_DESKTOP)

    def _tell_technician(self, by: str, before: tuple[str, str]) -> None:
        everything, desktop = self._newest(EVERYTHING), self._newest(ON_THE_DESKTOP)
        self._machine.pause(bool(everything), everything or by, self._now())
        if everything or not ACTS_ON_THE_DESKTOP & self._machine.granted:
            return
        if desktop != before[1] or (desktop and before[0]):
            self._machine.send_message(Paused(bool(desktop), desktop or by), self._now())
