"""The technician's arrow and drawings, handed to the windows of the person here that can show them.

Nothing of it reaches a program: it is painted over the screen by the agent's own desktop side. Places come faster than anybody
sees them; only the newest goes on, `STEP_SECONDS` apart. Strokes and clicks are bounded in rate, and what is too much is refused;
clearing where nothing was drawn since is nothing to hand on.
"""

import asyncio
from typing import ClassVar

from agent.features.base import Feature, FeatureContext
from agent.features.input import clamp
from agent.local_messages import Drawing, DrawingCleared, PointerClicked, PointerMoved, StrokeDrawn
from protocol.capabilities import Capability
from protocol.errors import RefusalReason
from protocol.messages import Message
from protocol.messages.pointer import (
    MOST_STROKE_POINTS,
    PointerAway,
    PointerClear,
    PointerClick,
    PointerPlace,
    PointerState,
    PointerStroke,
)

STEP_SECONDS = 1 / 60
MOST_A_SECOND = 60
BURST = 120
NOBODY_SHOWS_IT = (
    "Nothing at this computer can show what you point at: its user answers at a terminal, or no window of the agent runs. "
    "Describe the place in words."
)


class Budget:
    """A token bucket: `MOST_A_SECOND` messages a second for long, `BURST` at once. Pure; seconds of one clock."""

    def __init__(self, now: float) -> None:
        self._left, self._at = float(BURST), now

    def spend(self, now: float) -> bool:
        """Whether one message more is within it."""
        self._left = min(float(BURST), self._left + (now - self._at) * MOST_A_SECOND)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class PointerFeature(Feature):
    """See the module."""

    handles: ClassVar[tuple[type[Message], ...]] = (PointerPlace, PointerAway, PointerClick, PointerStroke, PointerClear)

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context)
        self._loop = asyncio.get_running_loop()
        self._budget = Budget(self._loop.time())
        self._newest: PointerMoved | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._told: bool | None = None
        self._limited = False
        self._anything = False
        self._drawn = False  # since it was cleared

    async def handle(self, message: Message) -> None:
        """See the base class."""
        if isinstance(message, PointerPlace | PointerClick | PointerStroke) and not self.context.watched.width:
            text = "Nothing is watched, so a place on the screen means nothing. Start the screen first."
            self.context.refuse(message, RefusalReason.INVALID, text)
            return
        if isinstance(message, PointerPlace | PointerAway):
            self._newest = PointerMoved(0, 0, False)
            if isinstance(message, PointerPlace):
                self._newest = PointerMoved(*clamp(self.context.watched, message.x, message.y), True)
            if self._timer is None:
                self._place()
            return
        if isinstance(message, PointerClear):
            if self._drawn:
                self._drawn = False
                self._show(DrawingCleared())
            return
        if not self._budget.spend(self._loop.time()):
            self._too_much(message)
            return
        self._limited = False
        self._drawn = True
        if isinstance(message, PointerClick):
            self._show(PointerClicked(*clamp(self.context.watched, message.x, message.y)))
        elif isinstance(message, PointerStroke):
            self._stroke(message)

    def _stroke(self, message: PointerStroke) -> None:
        points = [clamp(self.context.watched, x, y) for x, y in message.points[: MOST_STROKE_POINTS - message.start]]
        self._show(StrokeDrawn(message.stroke, message.shape, message.colour, message.stays, message.start, points))

    def _place(self) -> None:
        """Hand on the newest place, and wait a moment before the next."""
        self._timer = None
        if self._newest is None or not self.context.granted(Capability.POINTER):
            return
        newest, self._newest = self._newest, None
        self._show(newest)
        self._timer = self._loop.call_later(STEP_SECONDS, self._place)

    def _show(self, said: Drawing) -> None:
        shown = self.context.show_drawing(said)
        self._anything = self._anything or shown
        if shown is not self._told:
            self._told = shown
            self.context.send(PointerState(shown, "" if shown else NOBODY_SHOWS_IT))

    def _too_much(self, message: Message) -> None:
        if not self._limited:
            self._limited = True
            text = f"More than {MOST_A_SECOND} strokes and clicks a second; the last ones were not drawn."
            self.context.refuse(message, RefusalReason.LIMIT, text)

    def _wipe(self) -> None:
        self._newest = None
        self._drawn = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._anything:
            self._anything = False
            self.context.show_drawing(DrawingCleared())
            self.context.show_drawing(PointerMoved(0, 0, False))

    def capability_lost(self, capability: Capability) -> None:
        """See the base class: what was drawn goes with the capability."""
        if capability is Capability.POINTER:
            self._wipe()

    def paused(self, paused: bool) -> None:
        """See the base class: during a pause, and beneath a question of ours, nothing of theirs stands on the screen."""
        if paused:
            self._wipe()

    async def close(self) -> None:
        """See the base class."""
        self._wipe()
