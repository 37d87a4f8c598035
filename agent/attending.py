"""The conversation with the person at a terminal: `handrail-agent ask` and `handrail-agent attend`.

It shows the code, puts the daemon's questions in plain words with No as the default, says who is connected for as long as they
are, and ends the session on Ctrl-C. Everything that comes from elsewhere is shown with its control characters escaped.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.consent import WATCH, WATCH_AND_CONTROL, ConsentQuestion, preset
from agent.errors import ExitCode
from agent.local import LocalClient
from agent.local_messages import (
    AnswerConsent,
    Attach,
    ChatHeard,
    CodeShown,
    ConsentAsked,
    ConsentClosed,
    ConsentExtended,
    HelpEnded,
    MoreTime,
    PauseSession,
    PlaceShown,
    RelayChanged,
    Request,
    RequestHelp,
    Said,
    SayChat,
    SessionChanged,
    SessionOver,
    StopSession,
)
from agent.printable import printable
from agent.status import RelayStatus, SessionStatus
from agent.tasks import Supervisor
from agent.terminal import Interrupted, Terminal, Typed
from protocol.capabilities import RULES, Capability
from protocol.codes import parse_code
from protocol.errors import HandrailError


@dataclass(frozen=True, slots=True)
class Tick:
    """A second has passed."""


@dataclass(slots=True)
class Asking:
    """The question on the screen. `step` is None at the first prompt, else the wish that is being asked about; `restart`: what is
    granted is known, and only the question about a restart is open."""

    number: int
    question: ConsentQuestion
    step: int | None = None
    granted: list[Capability] = field(default_factory=list)
    restart: bool = False


Item = Said | Typed | Interrupted | Tick | None


def grouped(code: str) -> str:
    """A code in groups of three."""
    return " ".join(code[at : at + 3] for at in range(0, len(code), 3))


def spoken(code: str) -> str:
    """A session code in groups, of either form."""
    parsed = parse_code(code)
    return code if parsed is None else parsed.spoken


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    whole = max(0, int(seconds))
    return f"{whole // 60}:{whole % 60:02d}"


def listing(words: list[str]) -> str:
    """Words joined as in a sentence."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


class Attendant:
    """One run of `ask` (with `asking`, what is wrong in the user's words) or `attend` (without)."""

    def __init__(
        self,
        client: LocalClient,
        write: Callable[[str], None],
        *,
        asking: str | None,
        terminal: Callable[[Callable[[str], None], Callable[[Typed | Interrupted], None]], Terminal] = Terminal,
    ) -> None:
        """Raises:
        NoTerminal: there is no person at a terminal.
        """
        self._client = client
        self._asking_for = asking
        self._inbox: asyncio.Queue[Item] = asyncio.Queue()
        self._terminal = terminal(write, self._inbox.put_nowait)
        self._questions: list[Asking] = []
        self._sessions: dict[str, SessionStatus] = {}
        self._relay: RelayStatus | None = None
        self._wants_code = asking is not None
        self._code = ""
        self._code_until = 0.0
        self._ahead = ""
        self._stopping = False

    async def run(self) -> ExitCode:
        """Until it is over; how it went.

        Raises:
            HandrailError: the daemon said no, or went away.
        """
        async with self._terminal.listening(), Supervisor() as tasks:
            _ = tasks.spawn(self._forward(), "events")
            _ = tasks.spawn(self._tick(), "clock")
            await self._client.request(lambda number: Attach(number, "terminal"))
            if self._asking_for is None:
                self._terminal.line("Waiting for technicians who ask to help. Ctrl-C ends this.")
            while True:
                done = await self._take(await self._inbox.get())
                if done is not None:
                    return done
                if self._wants_code and self._relay is not None and self._relay.state == "connected":
                    await self._ask_for_code(self._asking_for or "")

    async def _ask_for_code(self, text: str) -> None:
        self._wants_code = False
        await self._client.request(lambda number: RequestHelp(number, text))

    async def _forward(self) -> None:
        while True:
            said = await self._client.events.get()
            self._inbox.put_nowait(said)
            if said is None:
                return

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._inbox.put_nowait(Tick())

    async def _take(self, item: Item) -> ExitCode | None:
        match item:
            case None:
                self._terminal.line(str(self._client.gone or "The agent has stopped."))
                return ExitCode.FAILED
            case Interrupted():
                return await self._interrupted()
            case Typed(text=text, after=after):
                if text is not None and self._questions and after != self._terminal.prompts:
                    return None  # typed before the question stood there
                return await self._typed(text)
            case Tick():
                return self._count_down()
            case _:
                return self._hear(item)

    # -- what the daemon says ---------------------------------------------------------------------------------------

    def _hear(self, said: Said) -> ExitCode | None:
        match said:
            case RelayChanged(relay=relay):
                self._relay_changed(relay)
            case CodeShown(code=code, seconds=seconds):
                self._code, self._code_until = spoken(code), time.monotonic() + seconds
                whole = " Read all of it, the letters too." if "-" in code else ""
                self._terminal.line(f"Read this code to your technician. It can be used once.{whole} Ctrl-C withdraws it.")
                self._count_down()
            case PlaceShown(ahead=ahead):
                self._ahead = "   You are next." if not ahead else f"   {ahead} wait before you."
                return self._count_down()
            case HelpEnded():
                return self._help_ended(said)
            case ConsentAsked(question=number, ask=question, seconds=seconds):
                self._questions.append(Asking(number, question))
                if len(self._questions) == 1:
                    self._show_question(seconds)
            case ConsentExtended(seconds=seconds):
                self._terminal.line(f"The question waits {clock(seconds)} longer.")
                self._prompt_again()
            case ConsentClosed(question=number, text=text):
                self._question_closed(number, text)
            case SessionChanged(session=session):
                self._session_changed(session)
            case SessionOver():
                return self._session_over(said)
            case ChatHeard(name=name, text=text):
                self._terminal.line(f"{name}: {text}")
            case _:
                pass
        return None

    def _relay_changed(self, relay: RelayStatus) -> None:
        before, self._relay = self._relay, relay
        if relay.state in ("away", "refused") and (before is None or before.state not in ("away", "refused")):
            self._terminal.line(f"{printable(relay.text)} Trying again until it is there.")
        elif relay.state == "connected" and before is not None and before.state in ("away", "refused"):
            self._terminal.line("The relay is back.")
        if relay.hint and (before is None or before.hint != relay.hint):
            self._terminal.line(printable(relay.hint))

    def _help_ended(self, said: HelpEnded) -> ExitCode | None:
        self._code = ""
        self._terminal.line(printable(said.text))
        if self._relay is not None and self._relay.state != "connected":
            self._wants_code = True  # a new one as soon as the relay is back
            return None
        if said.used or self._sessions:
            return None
        return ExitCode.FAILED

    def _session_changed(self, session: SessionStatus) -> None:
        before = self._sessions.get(session.session)
        self._sessions[session.session] = session
        words = listing([RULES[Capability(name)].plain_words for name in session.granted]) if session.granted else "do nothing"
        if before is None:
            self._terminal.line()
            how = " Nobody was asked: the organisation's policy allows it." if session.unattended else ""
            self._terminal.line(f"CONNECTED: {session.name} of {printable(session.organisation)} can {words}.{how}")
            self._terminal.line(
                "Ctrl-C ends the session. Type a line and Enter to chat; /pause, /resume and /stop do what they say."
            )
            if len(self._sessions) > 1:
                self._terminal.line("Several technicians are connected: /stop NAME ends the session of one alone.")
        elif session.waiting_until and not before.waiting_until:
            left = clock(session.waiting_until - time.time())
            self._terminal.line(f"CONNECTION LOST, WAITING: {session.name} may come back without asking, for at most {left}.")
            self._terminal.line("Ctrl-C ends the session.")
        elif before.waiting_until and not session.waiting_until:
            self._terminal.line(f"BACK: {session.name} can {words}.")
        elif session.recording is not before.recording:
            self._terminal.line(
                f"RECORDING: {session.name} records this session from now on."
                if session.recording
                else f"RECORDING ENDED: {session.name} records no longer."
            )
        elif session.paused is not before.paused:
            self._terminal.line("PAUSED: nothing gets through." if session.paused else f"RESUMED: {session.name} can {words}.")
        elif session.granted != before.granted:
            self._terminal.line(f"CHANGED: {session.name} can now {words}.")

    def _session_over(self, over: SessionOver) -> ExitCode | None:
        known = self._sessions.pop(over.session, None)
        self._terminal.line(printable(over.text))
        if over.receipt:
            self._terminal.line(f"Your receipt: {printable(over.receipt)}")
        if self._stopping and not self._sessions:
            return ExitCode.INTERRUPTED if known is None else ExitCode.OK
        if self._asking_for is None or self._code:
            return None
        return ExitCode.OK if known is not None else ExitCode.REFUSED

    def _count_down(self) -> ExitCode | None:
        if not self._code or self._questions:
            return None
        left = self._code_until - time.monotonic()
        if left <= 0:
            self._code = ""
            self._terminal.line("The code has run out. Ask again for a new one.")
            return ExitCode.FAILED
        self._terminal.fleeting(f"Your code: {self._code}   ({clock(left)} left){self._ahead}")
        return None

    # -- questions --------------------------------------------------------------------------------------------------

    def _show_question(self, seconds: float) -> None:
        asking = self._questions[0]
        question, line = asking.question, self._terminal.line
        name, organisation = printable(question.name), printable(question.organisation)
        line()
        line(f"=== {name} of {organisation} (technician, tier {question.tier}) ===")
        if question.kind == "confirm":
            line(printable(question.title))
            for text in (question.text, *question.details):
                line(f"  {printable(text)}")
        else:
            line("asks for more in this session:" if question.kind == "capability" else "asks to connect to this computer:")
            for wish in question.wishes:
                line(f"  - {wish.words}")
            if question.reason:
                line(f'Their reason: "{printable(question.reason)}"')
        if question.sas:
            line(f"Compare this number with theirs: {grouped(question.sas)}   If it differs, answer No.")
        line(f"Without an answer it is No in {clock(seconds)}. Answer t for more time.")
        self._prompt_again()

    def _prompt_again(self) -> None:
        if not self._questions:
            return
        asking = self._questions[0]
        wishes = asking.question.wishes
        if asking.restart:
            self._terminal.line("They ask for one thing more: to come back once, without asking you again,")
            minutes = max(1, round(asking.question.after_restart / 60))
            self._terminal.prompt(f"  within {minutes} min after this computer restarts. May they? [y/N] ")
        elif asking.question.kind != "session":
            self._terminal.prompt("Allow it? [y/N] ")
        elif asking.step is None:
            for letter, title, allowed in (("w", "Watch", WATCH), ("c", "Watch and control", WATCH_AND_CONTROL)):
                words = [wish.words for wish in wishes if wish.capability in preset(allowed, asking.question)]
                if self._offers(letter):
                    self._terminal.line(f"  {letter} = {title}: {listing(words)}")
            self._terminal.line("  y = choose one by one")
            self._terminal.prompt(f"Your answer [{'w/' if self._offers('w') else ''}{'c/' if self._offers('c') else ''}y/N] ")
        else:
            self._terminal.prompt(f"  May they {wishes[asking.step].words}? [y/N] ")

    def _offers(self, letter: str) -> bool:
        wanted = {wish.capability for wish in self._questions[0].question.wishes}
        return Capability.VIEW in wanted and (letter == "w" or (letter == "c" and Capability.CONTROL in wanted))

    def _question_closed(self, number: int, text: str) -> None:
        first = bool(self._questions) and self._questions[0].number == number
        known = any(asking.number == number for asking in self._questions)
        self._questions = [asking for asking in self._questions if asking.number != number]
        if known:
            self._terminal.line()
            self._terminal.line(f"The question is closed. {text}")
        if first and self._questions:
            self._show_question(self._questions[0].question.seconds)

    async def _answer(self, text: str) -> None:
        """One typed line as an answer. Anything that is not clearly yes is No."""
        asking, word = self._questions[0], text.strip().lower()
        wishes = asking.question.wishes
        if word == "t":
            await self._say(lambda number: MoreTime(number, asking.number))
        elif asking.restart:
            await self._settle(granted=asking.granted, after_restart=word in ("y", "yes"))
        elif asking.question.kind == "confirm":
            await self._settle(yes=word in ("y", "yes"))
        elif asking.question.kind == "capability":
            await self._settle(granted=[wish.capability for wish in wishes] if word in ("y", "yes") else [])
        elif asking.step is not None:
            if word in ("y", "yes"):
                asking.granted.append(wishes[asking.step].capability)
            asking.step += 1
            if asking.step < len(wishes):
                self._prompt_again()
            else:
                await self._settle(granted=asking.granted)
        elif word in ("w", "c") and self._offers(word):
            allowed = preset(WATCH if word == "w" else WATCH_AND_CONTROL, asking.question)
            await self._settle(granted=[wish.capability for wish in wishes if wish.capability in allowed])
        elif word in ("y", "yes") and wishes:
            asking.step = 0
            self._prompt_again()
        else:
            await self._settle()

    async def _settle(self, *, granted: list[Capability] | None = None, yes: bool = False, after_restart: bool = False) -> None:
        if granted and self._questions[0].question.after_restart > 0 and not self._questions[0].restart:
            self._questions[0].granted, self._questions[0].restart = granted, True
            self._prompt_again()
            return
        asking, chosen = self._questions.pop(0), granted or []
        self._terminal.line("Allowed." if chosen or yes else "Your answer: No.")
        await self._say(lambda number: AnswerConsent(number, asking.number, chosen, yes, after_restart))
        if self._questions:
            self._show_question(self._questions[0].question.seconds)

    # -- what the person does ---------------------------------------------------------------------------------------

    async def _typed(self, text: str | None) -> ExitCode | None:
        if text is None:
            return await self._interrupted()
        if self._questions:
            await self._answer(text)
        elif text.strip() in ("/pause", "/resume"):
            paused = text.strip() == "/pause"
            await self._say(lambda number: PauseSession(number, paused))
        elif text.strip() == "/stop":
            await self._say(StopSession)
        elif text.startswith("/stop "):
            await self._stop_one(text.removeprefix("/stop ").strip())
        elif text.strip() and self._sessions:
            await self._say(lambda number: SayChat(number, "", text[:4000]))
        return None

    async def _stop_one(self, name: str) -> None:
        """Of several, only those of the technician whose name begins so."""
        found = [one.session for one in self._sessions.values() if name and one.name.lower().startswith(name.lower())]
        for session in found:
            await self._say(lambda number, session=session: StopSession(number, session))  # type: ignore[misc]
        if not found:
            here = listing([printable(one.name) for one in self._sessions.values()]) if self._sessions else "nobody"
            self._terminal.line(f"Nobody of that name is connected; here: {here}.")

    async def _interrupted(self) -> ExitCode | None:
        self._terminal.line()
        if self._sessions and not self._stopping:
            self._stopping = True
            await self._say(StopSession)
            return None
        return ExitCode.INTERRUPTED

    async def _say(self, make: Callable[[int], Request]) -> None:
        """Ask the daemon; what it refuses is shown and changes nothing here."""
        try:
            await self._client.request(make)
        except HandrailError as error:
            self._terminal.line(str(error))
