"""What the consent window shows and when its answers count: no Qt here.

Two things are decided here. Which large answers a question has: *Watch* and *Watch and control* only where the technician asked
for that much. And when an answer is meant: nothing counts in the first moment after a question appeared, and a key that is
struck in that moment (somebody was typing) makes the moment begin anew.
"""

from dataclasses import dataclass

from agent.consent import WATCH, WATCH_AND_CONTROL, ConsentQuestion, preset
from agent.desktop.texts import Texts, clock
from protocol.capabilities import Capability
from protocol.printable import printable

ARMING_SECONDS = 1.2
MOST_AT_A_LOOK = 0.3
URGENT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Choice:
    """One large answer. `name` is stable (tests, accessibility ids); `granted` and `yes` are what it says to the daemon."""

    name: str
    title: str
    text: str
    granted: frozenset[Capability] = frozenset()
    yes: bool = False


@dataclass(frozen=True, slots=True)
class Single:
    """One capability under *More*."""

    capability: Capability
    words: str


@dataclass(frozen=True, slots=True)
class Card:
    """One question in words. `choices` ends with No; `singles` is empty where there is nothing to choose one by one;
    `open_singles`: they are the way to answer, so they are shown at once; `after_restart` is a question of its own beside the
    answers, whether they may come back once after a restart ("": not asked)."""

    heading: str
    who: str
    reason: str
    sas: str
    title: str
    lines: tuple[str, ...]
    choices: tuple[Choice, ...]
    singles: tuple[Single, ...]
    open_singles: bool
    after_restart: str = ""


def card_of(question: ConsentQuestion, texts: Texts) -> Card:
    """The words of a question; everything that came from elsewhere is made fit to be shown."""
    name, organisation = printable(question.name), printable(question.organisation)
    reason = printable(question.reason)
    wished = [wish.capability for wish in question.wishes]
    if question.kind == "confirm":
        said = texts("consent.no_confirm_help")
        choices = [Choice("yes", *_yes(question, texts), yes=True)]
    elif question.kind == "capability":
        said = texts("consent.no_more_help")
        choices = [Choice("allow", texts("consent.allow_one"), texts("consent.allow_one_help"), frozenset(wished))]
    else:
        said = texts("consent.no_help")
        choices = _presets(question, wished, texts)
    singles = [Single(one, texts.sentence(texts.may(one))) for one in wished] if question.kind == "session" else []
    no = Choice("no", texts("consent.no"), said)
    return Card(
        heading=texts(f"consent.{question.kind}", name=name),
        who=texts("consent.who", organisation=organisation, tier=question.tier),
        reason="" if question.kind == "confirm" else _reason(reason, texts),
        sas=printable(question.sas),
        title=_known(question, "title", question.title, texts),
        lines=_lines(question, wished, texts),
        choices=(*choices, no),
        singles=tuple(singles),
        open_singles=bool(singles) and not choices,
        after_restart=_after_restart(question.after_restart, texts),
    )


def _known(question: ConsentQuestion, part: str, plain: str, texts: Texts) -> str:
    """Part of a question in this language, where it is one that is known here; else as the agent said it."""
    key = f"ask.{question.words}_{part}"
    if not question.words or not texts.has(key):
        return printable(plain)
    return texts(key, **{name: printable(value) for name, value in question.values.items()})


def _yes(question: ConsentQuestion, texts: Texts) -> tuple[str, str]:
    if question.words and texts.has(f"ask.{question.words}_yes"):
        return texts(f"ask.{question.words}_yes"), texts(f"ask.{question.words}_yes_help")
    return texts("consent.yes"), texts("consent.yes_help")


def _reason(reason: str, texts: Texts) -> str:
    return texts("consent.reason", reason=reason) if reason.strip() else texts("consent.no_reason")


def _after_restart(seconds: float, texts: Texts) -> str:
    return texts("consent.after_restart", minutes=max(1, round(seconds / 60))) if seconds > 0 else ""


def _lines(question: ConsentQuestion, wished: list[Capability], texts: Texts) -> tuple[str, ...]:
    if question.kind == "confirm":
        lines = (_known(question, "text", question.text, texts), *(printable(texts.retold(one)) for one in question.details))
        return tuple(line for line in lines if line)
    if question.kind == "capability":
        return tuple(texts.sentence(texts.may(one)) for one in wished)
    return ()


def _presets(question: ConsentQuestion, wished: list[Capability], texts: Texts) -> list[Choice]:
    """*Watch* where the screen was asked for, *Watch and control* where control was as well."""
    watch, control = preset(WATCH, question), preset(WATCH_AND_CONTROL, question)
    found = []
    if Capability.VIEW in wished:
        found.append(_preset("watch", [one for one in wished if one in watch], texts))
        if Capability.CONTROL in wished:
            found.append(_preset("control", [one for one in wished if one in control], texts))
    return found


def _preset(name: str, granted: list[Capability], texts: Texts) -> Choice:
    words = texts.listing([texts.may(one) for one in granted])
    return Choice(name, texts(f"consent.{name}"), texts(f"consent.{name}_help", words=words), frozenset(granted))


class Arming:
    """The moment in which nothing counts. Times are monotonic seconds.

    It is made of looks: while this process stood still nobody was heard, so a long time between two looks counts for little, and
    what was typed meanwhile is heard before the next.
    """

    def __init__(self, now: float) -> None:
        self._quiet, self._looked = 0.0, now

    def armed(self, now: float) -> bool:
        """Whether answers count; ask several times a second."""
        if self._quiet < ARMING_SECONDS:
            self._quiet += min(now - self._looked, MOST_AT_A_LOOK)
            self._looked = now
        return self._quiet >= ARMING_SECONDS

    def struck(self, now: float) -> None:
        """A key or button was pressed: before answers count that was meant for something else, so the moment begins anew."""
        if not self.armed(now):
            self._quiet = 0.0


@dataclass(slots=True)
class Countdown:
    """How long until the answer is No. `until` is monotonic seconds, `whole` the time it had at most."""

    until: float
    whole: float

    def extend(self, seconds: float, now: float) -> None:
        """There are `seconds` again."""
        self.until, self.whole = now + seconds, max(seconds, 1.0)

    def left(self, now: float) -> float:
        """Seconds, never below 0."""
        return max(0.0, self.until - now)

    def text(self, now: float, texts: Texts) -> str:
        """As a sentence."""
        return texts("consent.countdown", left=clock(self.left(now) + 0.5))

    def share(self, now: float) -> float:
        """What is left of the whole, 0 to 1."""
        return min(1.0, self.left(now) / self.whole)

    def urgent(self, now: float) -> bool:
        """Whether it is nearly over."""
        return self.left(now) < URGENT_SECONDS
