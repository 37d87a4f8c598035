"""Mouse and keyboard from the technician.

What arrives is turned into simple strokes here (`KeyTranslator`, `WheelCounter`) and injected by a thread of its own, because
typing a long text takes time and must not hold up the session. Held keys and buttons are released when the technician's window
loses focus, when the capability ends, on a pause, at the end, after a crash, and when the agent is killed. Nothing here logs or
keeps what was typed.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import ClassVar

from agent.backends.base import InputInjector, LockState
from agent.backends.choose import open_input
from agent.features.base import Feature, FeatureContext, Watched
from protocol.capabilities import Capability
from protocol.errors import HandrailError, RefusalReason, Unavailable
from protocol.messages import Message
from protocol.messages.input import (
    Key,
    KeyboardState,
    LockKeys,
    PointerButton,
    PointerMove,
    PointerWheel,
    ReleaseAll,
    Typed,
    TypePiece,
    TypeText,
)

LOG = logging.getLogger(__name__)

NOTCH = 120
MOST_NOTCHES = 50
REOPEN_SECONDS = 2.0
LOOK_SECONDS = 1.0
MOST_WAITING = 256
JOIN_SECONDS = 3.0
TOGETHER = 24
"""Characters of a text that are made ready at once: no more than half of the spare keys that a keyboard has."""

MODIFIERS = frozenset({"Shift", "Control", "Alt", "Meta"})
SILENT = frozenset(
    ("AltGraph", "CapsLock", "NumLock", "ScrollLock", "Dead", "Compose", "Process", "Unidentified", "Fn", "FnLock", "Hyper")
)
"""Keys that only help to make a character on the technician's own keyboard; the character follows by itself."""


class WheelCounter:
    """Adds up turns of 1/120 notch; whole notches come out. Turning back begins anew, so that nothing lags behind the hand."""

    def __init__(self) -> None:
        self._left = [0, 0]

    def turn(self, dx: int, dy: int) -> tuple[int, int]:
        """Whole notches (right, down), at most `MOST_NOTCHES` each way."""
        notches = []
        for axis, amount in enumerate((dx, dy)):
            if amount * self._left[axis] < 0:
                self._left[axis] = 0
            total = self._left[axis] + amount
            whole = int(total / NOTCH)
            self._left[axis] = total - whole * NOTCH
            notches.append(max(-MOST_NOTCHES, min(MOST_NOTCHES, whole)))
        return notches[0], notches[1]


class KeyTranslator:
    """Key messages to the injector's strokes. Remembers which keys are down, by physical code."""

    def __init__(self) -> None:
        self._held: dict[str, str] = {}

    def forget(self) -> None:
        """Nothing is down any more."""
        self._held.clear()

    def press(self, message: Key, injector: InputInjector) -> bool:
        """Inject one key message. False when it cannot be injected here."""
        if message.mode == "physical":
            return injector.key(message.code, message.pressed)
        if message.key in MODIFIERS or message.key in SILENT:
            self._note(message)
            return message.key in SILENT or injector.key(message.code, message.pressed)
        if not message.pressed:
            # A character is a whole stroke when it goes down, so that a late release repeats nothing. What is held must
            # still come up.
            return injector.key(message.code, False) or True
        lifts = self._lifts(message.key)
        if message.mode == "auto" and not lifts and injector.hold(message.code, message.key):
            return True
        return injector.character(message.key, message.code, lift=lifts)

    def _note(self, message: Key) -> None:
        if message.pressed:
            self._held[message.code] = message.key
        else:
            self._held.pop(message.code, None)

    def _lifts(self, text: str) -> bool:
        """Whether Control and Alt are held only to make this character: AltGr is Control+Alt on Windows, and Option (Alt) makes
        characters beyond ASCII on a Mac."""
        held = set(self._held.values())
        if len(text) > 1:
            return False
        return "AltGraph" in held or ("Alt" in held and not held & {"Control", "Meta"} and not text.isascii())


def clamp(watched: Watched, x: int, y: int) -> tuple[int, int]:
    """A place in the watched area as a place on the display, moved inside where it lies outside."""
    return watched.x + max(0, min(x, watched.width - 1)), watched.y + max(0, min(y, watched.height - 1))


class _Halt:
    """Tells the thread to release everything and end."""


class _Interrupt:
    """Tells the thread to release everything; what stands before it in the queue is not injected."""


class InputWorker:
    """The thread that injects. `failed` is called on it when something cannot be done, with what to tell the technician."""

    def __init__(
        self,
        open_injector: Callable[[], InputInjector],
        failed: Callable[[Message, HandrailError | None], None],
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[Message], None] = lambda _: None,
    ) -> None:
        """Args: tell: called on the thread with what the technician is to hear."""
        self._open, self._failed, self._clock, self._tell = open_injector, failed, clock, tell
        self._keyboard: KeyboardState | None = None
        self._tells = False
        self._queue: queue.SimpleQueue[tuple[Message, Watched] | _Interrupt | _Halt] = queue.SimpleQueue()
        self._injector: InputInjector | None = None
        self._retry_at = float("-inf")
        self._look_at = float("-inf")
        self._why: Unavailable | None = None
        self._wheel = WheelCounter()
        self._keys = KeyTranslator()
        self._released = threading.Event()
        self._room = threading.Semaphore(MOST_WAITING)

    def reserve(self, blocking: bool = True) -> bool:
        """Take the place of one message, before `put`. False when all are taken and it shall not wait."""
        return self._room.acquire(blocking)

    def put(self, message: Message, watched: Watched) -> None:
        """Inject a message after those before it; `watched` is a copy of what the technician saw when it came."""
        self._queue.put((message, watched))

    def interrupt(self) -> None:
        """Release everything now: a text that is being typed stops in the middle, what waits is dropped."""
        self._released.set()
        self._queue.put(_Interrupt())

    def halt(self) -> None:
        """End the thread after releasing everything."""
        self._released.set()
        self._queue.put(_Halt())

    def run(self) -> None:
        """The thread's body."""
        try:
            while True:
                item = self._next()
                if item is None:
                    self._look()
                    continue
                if isinstance(item, _Halt):
                    return
                self._tells = not isinstance(item, _Interrupt)
                if isinstance(item, _Interrupt):
                    self._released.clear()
                    self._one(ReleaseAll(), Watched())
                    continue
                self._room.release()
                if not self._released.is_set():
                    self._one(*item)
        finally:
            self._close()

    def _next(self) -> tuple[Message, Watched] | _Interrupt | _Halt | None:
        """What comes next; None where the keyboard is to be looked at first. Without control nothing is looked at."""
        looks = self._injector is not None and self._tells
        try:
            return self._queue.get(timeout=LOOK_SECONDS if looks else None)
        except queue.Empty:
            return None

    def _look(self) -> None:
        """The person there may have changed layout or locks, and the technician sees that without pressing a key."""
        try:
            if self._injector is not None:
                self._tell_keyboard(self._injector)
        except HandrailError:
            self._close()  # the display is gone; the next key opens another, or says why not

    def _one(self, message: Message, watched: Watched) -> None:
        try:
            injector = self._ready(message)
            if injector is not None:
                self._tell_keyboard(injector)
            if injector is not None and not self._inject(injector, message, watched):
                self._failed(message, None)
        except HandrailError as error:
            self._close()  # the display is gone, and with it everything that was held
            self._failed(message, error)

    def _ready(self, message: Message) -> InputInjector | None:
        """The injector, opened by the first message that needs it; a failure is remembered for a moment."""
        if self._injector is None and not isinstance(message, ReleaseAll):
            if self._why is not None and self._clock() < self._retry_at:
                raise self._why
            try:
                self._injector = self._open()
                self._why = None
            except Unavailable as error:
                self._why, self._retry_at = error, self._clock() + REOPEN_SECONDS
                raise
        return self._injector

    def _tell_keyboard(self, injector: InputInjector) -> None:
        """A look a second at most: each is two round trips to the display."""
        now = self._clock()
        if self._tells and (self._keyboard is None or now >= self._look_at):
            self._look_at = now + LOOK_SECONDS
            injector.tend()
            locks = injector.locks()
            keyboard = KeyboardState(injector.layouts(), locks.caps, locks.num)
            if keyboard != self._keyboard:
                self._keyboard = keyboard
                self._tell(keyboard)

    def _inject(self, injector: InputInjector, message: Message, watched: Watched) -> bool:
        match message:
            case PointerMove(x=x, y=y):
                injector.move(*clamp(watched, x, y))
            case PointerButton(x=x, y=y, button=button, pressed=pressed):
                injector.move(*clamp(watched, x, y))
                injector.button(button, pressed)
            case PointerWheel(x=x, y=y, dx=dx, dy=dy):
                injector.move(*clamp(watched, x, y))
                notches = self._wheel.turn(dx, dy)
                if notches != (0, 0):
                    injector.scroll(*notches)
            case Key():
                return self._keys.press(message, injector)
            case TypeText(text=text):
                return self._type(injector, text) == 0
            case TypePiece(request=request, text=text):
                missed = self._type(injector, text)
                if not self._released.is_set():
                    self._tell(Typed(request, missed))
            case LockKeys(caps=caps, num=num, keep=keep):
                done = injector.set_locks(LockState(caps, num), keep=keep)
                self._tell_anew(injector)
                return done
            case ReleaseAll():
                self._keys.forget()
                injector.release_all()
                self._tell_anew(injector)
            case _:
                return False
        return True

    def _tell_anew(self, injector: InputInjector) -> None:
        self._look_at = float("-inf")
        self._tell_keyboard(injector)

    def _type(self, injector: InputInjector, text: str) -> int:
        """Type it; how many characters this keyboard cannot make."""
        missed = 0
        for place, character in enumerate(text := text.replace("\r\n", "\n")):
            if self._released.is_set():
                return missed
            if place % TOGETHER == 0:
                injector.prepare(text[place : place + TOGETHER])
            missed += not injector.character(character)
        return missed

    def _close(self) -> None:
        injector, self._injector = self._injector, None
        self._keys.forget()
        if injector is not None:
            injector.close()


class InputFeature(Feature):
    """See the module."""

    handles: ClassVar[tuple[type[Message], ...]] = (
        PointerMove,
        PointerButton,
        PointerWheel,
        Key,
        TypeText,
        TypePiece,
        LockKeys,
        ReleaseAll,
    )

    def __init__(self, context: FeatureContext, open_injector: Callable[[str], InputInjector] = open_input) -> None:
        super().__init__(context)
        display = context.settings.screen.display
        self._worker = InputWorker(
            lambda: open_injector(display),
            self._failed_on_thread,
            tell=lambda message: context.call_from_thread(context.send, message),
        )
        self._thread: threading.Thread | None = None
        self._told = False

    async def handle(self, message: Message) -> None:
        """See the base class."""
        watched = self.context.watched
        pointing = isinstance(message, PointerMove | PointerButton | PointerWheel)
        if pointing and not watched.width:
            text = "Nothing is watched, so a place on the screen means nothing. Start the screen first."
            self.context.refuse(message, RefusalReason.INVALID, text)
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._worker.run, name="handrail-input", daemon=True)
            self._thread.start()
        if isinstance(message, TypeText | TypePiece) or (isinstance(message, Key | PointerButton) and message.pressed):
            watched.keyed_at = time.monotonic()
        if not self._worker.reserve(blocking=False):
            # The session stops reading this technician until there is room, and nobody else.
            await asyncio.to_thread(self._worker.reserve)
        self._worker.put(message, Watched(watched.x, watched.y, watched.width, watched.height))

    def _failed_on_thread(self, message: Message, error: HandrailError | None) -> None:
        self.context.call_from_thread(self._failed, message, error)

    def _failed(self, message: Message, error: HandrailError | None) -> None:
        if error is not None:
            self.context.refuse(message, RefusalReason.UNSUPPORTED, str(error))
        elif not self._told:
            self._told = True  # once is enough: a keyboard that lacks one key lacks it every time
            text = "This machine's keyboard has no such key, and no spare one to make it."
            self.context.refuse(message, RefusalReason.UNSUPPORTED, text)

    def capability_lost(self, capability: Capability) -> None:
        """See the base class: without `control` everything held is released."""
        if capability is Capability.CONTROL:
            self._worker.interrupt()

    def paused(self, paused: bool) -> None:
        """See the base class: a pause releases everything."""
        if paused:
            self._worker.interrupt()

    async def close(self) -> None:
        """See the base class."""
        self._worker.halt()
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.to_thread(thread.join, JOIN_SECONDS)
            if thread.is_alive():
                LOG.warning("the input thread did not end within %g s", JOIN_SECONDS)
