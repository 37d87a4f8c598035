"""Who is asked, how long, and that only a person answers.

A question goes to every front end that is attached over the local socket (a terminal now, a window later); the first answer
counts, whatever it is. Without an answer it is No after three minutes; somebody may ask for more time. Nothing else answers: no
setting, no variable, no default but No. While a question is open, the technician's input is not injected (`ConsentBroker.open`).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, Protocol

import msgspec

from protocol.capabilities import RULES, Capability

MOST_EXTENSIONS = 10
WATCH = frozenset({Capability.VIEW, Capability.CHAT, Capability.POINTER, Capability.DIAGNOSTICS, Capability.COLLEAGUES})
"""What the answer *Watch* allows, as far as it was asked for."""
WATCH_AND_CONTROL = WATCH | {Capability.CONTROL}
"""What the answer *Watch and control* allows, as far as it was asked for."""


def preset(answer: frozenset[Capability], question: "ConsentQuestion") -> frozenset[Capability]:
    """What a preset answer (`WATCH`, `WATCH_AND_CONTROL`) allows to this question: where policy demands that whoever watches
    records, that as well."""
    return answer | {Capability.RECORDING} if question.recorded else answer


class Wish(msgspec.Struct, frozen=True):
    """One capability the technician wants, in the words the user reads."""

    capability: Capability
    words: str


class ConsentQuestion(msgspec.Struct, frozen=True):
    """What a person is asked. `kind`: "session" (open one, with some of `wishes`), "capability" (one more of them in an open
    session) or "confirm" (yes or no to `title`, `text`, `details`). `name`, `organisation` and `tier` are certified;
    `reason` is the technician's own words; `sas` is "" unless both people should compare it.
    `words` names title and text among those that the windows have in several languages, with `values` in them ("": only these).
    `after_restart` above 0: a further question, whether they may come back once without being asked within so many seconds after
    a restart of this computer. `recorded`: the organisation's policy demands that whoever sees the screen records it."""

    kind: Literal["session", "capability", "confirm"]
    name: str
    organisation: str
    tier: int
    reason: str
    sas: str = ""
    wishes: list[Wish] = []
    title: str = ""
    text: str = ""
    details: list[str] = []
    seconds: float = 180.0
    after_restart: float = 0.0
    recorded: bool = False
    words: str = ""
    values: dict[str, str] = {}


class Outcome(Enum):
    """How a question ended."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said. `granted` is empty for No; `yes` answers a "confirm"; `after_restart` answers the question of that
    name."""

    outcome: Outcome
    granted: frozenset[Capability] = frozenset()
    yes: bool = False
    after_restart: bool = False


class FrontEnd(Protocol):
    """Something attached that can show a question to a person."""

    def asked(self, number: int, question: ConsentQuestion, seconds: float) -> None:
        """Show it; `seconds` are left."""

    def closed(self, number: int, text: str) -> None:
        """Take it away: it was answered elsewhere, ran out of time or is moot; `text` says which."""

    def extended(self, number: int, seconds: float) -> None:
        """Somebody asked for more time: `seconds` are left."""


@dataclass(slots=True)
class _Open:
    question: ConsentQuestion
    answer: asyncio.Future[Answer]
    timeout: asyncio.Timeout
    on_more_time: Callable[[float], None] | None
    extensions: int = field(default=0)


def wishes_for(capabilities: list[Capability]) -> list[Wish]:
    """Capabilities with their plain words."""
    return [Wish(capability, RULES[capability].plain_words) for capability in capabilities]


class ConsentBroker:
    """Puts questions to whoever is attached. Belongs to the event loop."""

    def __init__(self) -> None:
        self._front_ends: list[FrontEnd] = []
        self._open: dict[int, _Open] = {}
        self._next = 1
        self._listeners: list[Callable[[bool], None]] = []
        self._watchers: list[Callable[[bool], None]] = []

    @property
    def attached(self) -> int:
        """How many front ends could show a question now."""
        return len(self._front_ends)

    @property
    def open(self) -> bool:
        """Whether any question stands on a screen at this moment."""
        return bool(self._open)

    def listen(self, listener: Callable[[bool], None]) -> Callable[[], None]:
        """Have `listener` called when the first question opens (True) and the last one closes (False); returns the way out."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def watch(self, watcher: Callable[[bool], None]) -> Callable[[], None]:
        """Have `watcher` called when the first front end attaches (True) and the last is gone (False); returns the way out."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def attach(self, front_end: FrontEnd) -> None:
        """From now on `front_end` shows questions; those already open at once."""
        self._front_ends.append(front_end)
        if len(self._front_ends) == 1:
            self._tell_watchers(True)
        for number, entry in self._open.items():
            front_end.asked(number, entry.question, self._seconds_left(entry))

    def detach(self, front_end: FrontEnd) -> None:
        """`front_end` is gone. When it was the last one, open questions end: nobody can answer them."""
        if front_end not in self._front_ends:
            return
        self._front_ends.remove(front_end)
        if not self._front_ends:
            for entry in list(self._open.values()):
                if not entry.answer.done():
                    entry.answer.set_result(Answer(Outcome.NOBODY))
            self._tell_watchers(False)

    async def ask(self, question: ConsentQuestion, on_more_time: Callable[[float], None] | None = None) -> Answer:
        """Ask, and wait for a person. Cancelling it takes the question away. `on_more_time` hears the seconds then left."""
        if not self._front_ends:
            return Answer(Outcome.NOBODY)
        number, self._next = self._next, self._next + 1
        loop = asyncio.get_running_loop()
        text = "It is no longer needed."
        try:
            async with asyncio.timeout(question.seconds) as timeout:
                entry = _Open(question, loop.create_future(), timeout, on_more_time)
                self._open[number] = entry
                if len(self._open) == 1:
                    self._tell(True)
                for front_end in list(self._front_ends):
                    front_end.asked(number, question, question.seconds)
                answer = await entry.answer
                text = "It was answered."
                return answer
        except TimeoutError:
            text = "Nobody answered in time, so the answer was No."
            return Answer(Outcome.NO_ANSWER)
        finally:
            del self._open[number]
            for front_end in list(self._front_ends):
                front_end.closed(number, text)
            if not self._open:
                self._tell(False)

    def answer(
        self, number: int, *, granted: frozenset[Capability] = frozenset(), yes: bool = False, after_restart: bool = False
    ) -> bool:
        """A person's answer; capabilities that were not asked for are dropped. False: the question is no longer open."""
        entry = self._open.get(number)
        if entry is None or entry.answer.done():
            return False
        asked = {wish.capability for wish in entry.question.wishes}
        lasting = after_restart and entry.question.after_restart > 0
        entry.answer.set_result(Answer(Outcome.ANSWERED, frozenset(granted & asked), yes, lasting))
        return True

    def more_time(self, number: int) -> float | None:
        """A person wants longer: the question's whole time again. Seconds left, or None when that is not possible any more."""
        entry = self._open.get(number)
        if entry is None or entry.answer.done() or entry.extensions >= MOST_EXTENSIONS:
            return None
        entry.extensions += 1
        seconds = entry.question.seconds
        entry.timeout.reschedule(asyncio.get_running_loop().time() + seconds)
        for front_end in list(self._front_ends):
            front_end.extended(number, seconds)
        if entry.on_more_time is not None:
            entry.on_more_time(seconds)
        return seconds

    def _seconds_left(self, entry: _Open) -> float:
        when = entry.timeout.when()
        return entry.question.seconds if when is None else max(0.0, when - asyncio.get_running_loop().time())

    def _tell_watchers(self, attached: bool) -> None:
        for watcher in list(self._watchers):
            watcher(attached)

    def _tell(self, is_open: bool) -> None:
        for listener in list(self._listeners):
            listener(is_open)
