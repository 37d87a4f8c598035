"""Everything the desktop side knows, and what follows from it for the person: no Qt here.

`DesktopState.hear` takes in what the daemon says; the windows ask it what to show. Times: `now` is monotonic seconds, fields that
come from the daemon are seconds since 1970.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from agent.consent import ConsentQuestion
from agent.desktop.consent_model import Countdown
from agent.desktop.happenings import Happenings
from agent.local_messages import (
    ChatHeard,
    CodeShown,
    ConsentAsked,
    ConsentClosed,
    ConsentExtended,
    Happened,
    HelpEnded,
    PlaceShown,
    RelayChanged,
    Said,
    SessionChanged,
    SessionOver,
)
from agent.status import RelayStatus, SessionStatus
from protocol.printable import NEWLINE_AND_TAB, printable

MOST_CHAT_LINES = 500


class Mood(StrEnum):
    """What the tray icon says; the most important one that holds."""

    READY = "ready"
    WAITING = "waiting"
    CONNECTED = "connected"
    PAUSED = "paused"
    OFFLINE = "offline"


class HelpStage(StrEnum):
    """How far a request for help has come."""

    IDLE = "idle"
    ASKED = "asked"
    CODE = "code"
    USED = "used"


@dataclass(slots=True)
class OpenQuestion:
    """A question that stands open."""

    number: int
    question: ConsentQuestion
    countdown: Countdown


@dataclass(slots=True)
class Help:
    """The request for help of this program. `since` and `until` are monotonic; `note` is why there is no code (any more);
    `place` is (how many asked before, how many wait), None while that is not known."""

    stage: HelpStage = HelpStage.IDLE
    text: str = ""
    code: str = ""
    since: float = 0.0
    until: float = 0.0
    note: str = ""
    place: tuple[int, int] | None = None

    @property
    def waiting(self) -> bool:
        """Whether somebody may still come."""
        return self.stage in (HelpStage.ASKED, HelpStage.CODE)


@dataclass(frozen=True, slots=True)
class ChatLine:
    """One line. `own`: the person here said it; `at` is seconds since 1970 by this computer's clock."""

    own: bool
    name: str
    text: str
    at: float


@dataclass(slots=True)
class Conversation:
    """The chat of one session; `over`: nothing can be said any more. `unread` lines have not been seen."""

    name: str
    lines: list[ChatLine] = field(default_factory=list)
    unread: int = 0
    over: bool = False

    def add(self, line: ChatLine) -> None:
        """One line more; the oldest goes when there are too many."""
        self.lines.append(line)
        del self.lines[:-MOST_CHAT_LINES]


class DesktopState:
    """One daemon as the person at this computer sees it."""

    def __init__(self) -> None:
        self.agent_up = False
        self.agent_note = ""
        self.relay: RelayStatus | None = None
        self.sessions: dict[str, SessionStatus] = {}
        self.questions: list[OpenQuestion] = []
        self.help = Help()
        self.chats: dict[str, Conversation] = {}
        self.happenings: dict[str, Happenings] = {}

    # -- what the daemon says ---------------------------------------------------------------------------------------

    def agent_gone(self, note: str) -> None:
        """The daemon does not answer; nothing that it told holds any more."""
        was_waiting = self.help.waiting
        self.agent_up, self.agent_note = False, note
        self.relay = None
        self.sessions.clear()
        self.happenings.clear()
        self.questions.clear()
        for chat in self.chats.values():
            chat.over = True
        if was_waiting:
            self.help = Help(text=self.help.text, note=note)

    def agent_here(self) -> None:
        """The daemon answers again."""
        self.agent_up, self.agent_note = True, ""

    def hear(self, said: Said, now: float, wall: float) -> None:
        """Take in one event."""
        match said:
            case RelayChanged(relay=relay):
                self.relay = relay
            case CodeShown(code=code, seconds=seconds):
                self.help.stage, self.help.code, self.help.until = HelpStage.CODE, code, now + seconds
            case PlaceShown(ahead=ahead, waiting=waiting):
                self.help.place = (ahead, waiting)
            case HelpEnded(text=text, used=used):
                self.help = Help(HelpStage.USED if used else HelpStage.IDLE, self.help.text, since=now, note=printable(text))
            case ConsentAsked(question=number, ask=ask, seconds=seconds):
                whole = max(seconds, ask.seconds, 1.0)
                self.questions.append(OpenQuestion(number, ask, Countdown(now + seconds, whole)))
            case ConsentExtended(question=number, seconds=seconds):
                for one in self.questions:
                    if one.number == number:
                        one.countdown.extend(seconds, now)
            case ConsentClosed(question=number):
                self.drop_question(number)
                self._no_longer_used()
            case SessionChanged(session=session):
                self.sessions[session.session] = session
                self._no_longer_used()
            case Happened(session=session, event=event) if session in self.sessions:
                self.happenings.setdefault(session, Happenings()).hear(event)
            case SessionOver(session=number):
                self.sessions.pop(number, None)
                self.happenings.pop(number, None)
                if number in self.chats:
                    self.chats[number].over = True
                self._no_longer_used()
            case ChatHeard():
                self._heard_chat(said, wall)
            case _:
                pass

    def _heard_chat(self, said: ChatHeard, wall: float) -> None:
        chat = self.chats.setdefault(said.session, Conversation(said.name))
        line = ChatLine(False, said.name, printable(said.text, keep=NEWLINE_AND_TAB), wall)
        for other in self._sharing(said.session):
            self.conversation(other).add(line)
        chat.add(line)
        chat.unread += 1

    def _sharing(self, session: str) -> list[str]:
        """The other sessions in which the same is heard: technicians who are told of one another talk together."""
        sharing = [number for number, one in self.sessions.items() if {"chat", "colleagues"} <= set(one.granted)]
        return [number for number in sharing if number != session] if session in sharing else []

    def _no_longer_used(self) -> None:
        """Whoever came by the code has got an answer: the request for help is done."""
        if self.help.stage is HelpStage.USED:
            self.help = Help()

    # -- what the person does ---------------------------------------------------------------------------------------

    def drop_question(self, number: int) -> None:
        """It was answered here, or is not open any more."""
        self.questions = [one for one in self.questions if one.number != number]

    def ask_for_help(self, text: str, now: float) -> None:
        """A code has been asked for."""
        self.help = Help(HelpStage.ASKED, text, since=now)

    def help_refused(self, note: str) -> None:
        """No code was given."""
        self.help = Help(text=self.help.text, note=printable(note))

    def cancel_help(self) -> None:
        """The person does not need it any more."""
        self.help = Help()

    def said(self, session: str, text: str, wall: float) -> None:
        """The person said something."""
        for one in (session, *self._sharing(session)):
            self.conversation(one).add(ChatLine(True, "", text, wall))

    def conversation(self, session: str) -> Conversation:
        """The chat of a session, an empty one when nobody has said anything yet."""
        status = self.sessions.get(session)
        return self.chats.setdefault(session, Conversation(status.name if status else ""))

    # -- what follows -----------------------------------------------------------------------------------------------

    def code_alive(self, now: float) -> bool:
        """Whether the code can still be read out."""
        return self.help.stage is HelpStage.CODE and now < self.help.until

    @property
    def chatting(self) -> list[str]:
        """Open sessions in which there may be chat, the newest last."""
        return [number for number, session in self.sessions.items() if "chat" in session.granted]

    @property
    def all_paused(self) -> bool:
        """Whether there are sessions and every one is held back."""
        return bool(self.sessions) and all(session.paused for session in self.sessions.values())

    @property
    def unread(self) -> int:
        """Lines that have not been seen."""
        return sum(chat.unread for chat in self.chats.values())

    @property
    def mood(self) -> Mood:
        """What the icon says."""
        if self.sessions:
            return Mood.PAUSED if self.all_paused else Mood.CONNECTED
        if not self.agent_up or self.relay is None or self.relay.state != "connected":
            return Mood.OFFLINE
        return Mood.WAITING if self.help.waiting or self.help.stage is HelpStage.USED else Mood.READY
