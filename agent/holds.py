"""What holds a session back, and how the features and the technician hear of it.

Two things hold everything back but chat, both ways: the person's own pause ("user"), and nobody there to see the session
("unwatched"). Two hold back only what acts on the desktop: a question of ours on the screen ("question") and, by policy, the
person's own hands ("local_input").
"""

import asyncio
from collections.abc import Callable
from typing import Final

from agent.hosting import FeatureHost
from agent.local_input import LocalInputPause
from agent.opening import Gate
from agent.policy import ACTS_ON_THE_DESKTOP
from agent.presence import Presence
from agent.services import Services
from protocol.messages.session import Paused
from protocol.session import AgentSession, SessionState

EVERYTHING: Final = ("user", "unwatched")
ON_THE_DESKTOP: Final = ("question", "local_input")


class Holds:
    """The holds of one session; the newest of a kind is the one that is named. Event loop only.

    Args:
        changed: called with the name of a hold that has begun or ended.
        end: end the session; the text says why.
    """

    def __init__(
        self, machine: AgentSession, services: Services, *, changed: Callable[[str], None], end: Callable[[str], None]
    ) -> None:
        self._machine = machine
        self._services = services
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._hands = asyncio.Event()
        self._by: list[str] = []
        self._host: FeatureHost | None = None
        self._gate: Gate | None = None
        self._stop_listening = services.broker.listen(self._question_changed)
        seconds = services.settings.session.unwatched_seconds
        self._presence = Presence(services.broker, seconds, lambda held: self.set("unwatched", held), end)

    @property
    def by_person(self) -> bool:
        """Whether the person here has paused the session."""
        return "user" in self._by

    def begin(self, host: FeatureHost, gate: Gate) -> None:
        """The session is open."""
        self._host, self._gate = host, gate

    def watch(self, seconds: float) -> None:
        """From now on it needs somebody who can see it; `seconds`: the first wait for them may last so long."""
        self._presence.begin(seconds)

    def close(self) -> None:
        """The session is over."""
        self._stop_listening()
        self._presence.close()

    async def run(self) -> None:
        """Watch the person's own hands where policy says so, until cancelled."""
        settings = self._services.settings
        hands = LocalInputPause(settings.screen.display, settings.session.local_input_seconds, self._user_acts)
        await hands.run(self._waits_for_hands, self._hands)

    def look_again(self) -> None:
        """Grants or policy may have changed."""
        self._hands.set()

    def set(self, by: str, held: bool) -> bool:
        """Begin or end one hold. False: it was so already, or the session is not open."""
        if self._host is None or self._machine.state is not SessionState.OPEN or held is (by in self._by):
            return False
        everything, desktop = self._newest(EVERYTHING), self._newest(ON_THE_DESKTOP)
        self._by = [*self._by, by] if held else [one for one in self._by if one != by]
        self._tell_features(self._host, bool(everything))
        self._tell_technician(by, (everything, desktop))
        self._changed(by)
        return True

    def _question_changed(self, is_open: bool) -> None:
        """While one of our questions stands on the screen, nothing that the technician does reaches it."""
        self.set("question", is_open)

    def _user_acts(self, acting: bool) -> None:
        """Policy lets control wait while the person here uses mouse or keyboard."""
        if self._gate is not None:
            self._gate.user_acting = acting
        self.set("local_input", acting)

    def _waits_for_hands(self) -> bool:
        """Whether control has to wait while the person here uses mouse or keyboard: by policy, only where there is control."""
        pause = self._gate is not None and self._gate.rules.pause_on_local_input
        return pause and self._machine.state is SessionState.OPEN and bool(ACTS_ON_THE_DESKTOP & self._machine.granted)

    def _newest(self, kinds: tuple[str, ...]) -> str:
        return next((one for one in reversed(self._by) if one in kinds), "")

    def _tell_features(self, host: FeatureHost, before: bool) -> None:
        everything, desktop = bool(self._newest(EVERYTHING)), bool(self._newest(ON_THE_DESKTOP))
        if everything is not before:
            host.paused(everything)
        if not everything:
            host.paused(desktop, ACTS_ON_THE_DESKTOP)

    def _tell_technician(self, by: str, before: tuple[str, str]) -> None:
        now = self._loop.time()
        everything, desktop = self._newest(EVERYTHING), self._newest(ON_THE_DESKTOP)
        self._machine.pause(bool(everything), everything or by, now)
        if everything or not ACTS_ON_THE_DESKTOP & self._machine.granted:
            return
        if desktop != before[1] or (desktop and before[0]):
            self._machine.send_message(Paused(bool(desktop), desktop or by), now)
