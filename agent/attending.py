"""The conversation with the person at a terminal: `handrail-agent ask` and `handrail-agent attend`.

It shows the code, puts the daemon's questions in plain words with No as the default, says who is connected for as long as they
are and what they do, and ends the session on Ctrl-C. Its words are those of the windows, in the same languages. Everything that
comes from elsewhere is shown with its control characters escaped.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.consent import WATCH, WATCH_AND_CONTROL, ConsentQuestion, preset
from agent.desktop.article_model import shown_text
from agent.desktop.consent_model import card_of
from agent.desktop.happenings import MOST_KEPT, Happening, Happenings, line_of
from agent.desktop.texts import Texts, clock, grouped
from agent.local import LocalClient
from agent.local_messages import (
    AnswerConsent,
    ArticlesReply,
    Attach,
    ChatHeard,
    CodeShown,
    ConsentAsked,
    ConsentClosed,
    ConsentExtended,
    FindArticles,
    Happened,
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
from agent.status import RelayStatus, SessionStatus
from agent.terminal import Interrupted, Terminal, Typed
from hostio.exit_codes import ExitCode
from hostio.tasks import Supervisor
from protocol.capabilities import Capability
from protocol.errors import HandrailError
from protocol.printable import printable


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


class Attendant:
    """One run of `ask` (with `asking`, what is wrong in the user's words) or `attend` (without)."""

    def __init__(
        self,
        client: LocalClient,
        write: Callable[[str], None],
        *,
        asking: str | None,
        texts: Texts,
        terminal: Callable[[Callable[[str], None], Callable[[Typed | Interrupted], None]], Terminal] = Terminal,
    ) -> None:
        """Raises:
        NoTerminal: there is no person at a terminal.
        """
        self._client = client
        self._asking_for = asking
        self._texts = texts
        self._yes = texts("terminal.yes_words").split()
        self._inbox: asyncio.Queue[Item] = asyncio.Queue()
        self._terminal = terminal(write, self._inbox.put_nowait)
        self._questions: list[Asking] = []
        self._sessions: dict[str, SessionStatus] = {}
        self._happenings: dict[str, Happenings] = {}
        self._untold: list[tuple[str, Happening]] = []
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
                self._terminal.line(self._texts("terminal.attending"))
            else:
                await self._offer_articles(self._asking_for)
            while True:
                done = await self._take(await self._inbox.get())
                if done is not None:
                    return done
                if self._wants_code and self._relay is not None and self._relay.state == "connected":
                    await self._ask_for_code(self._asking_for or "")

    async def _offer_articles(self, text: str) -> None:
        """What the organisation has written about it: the article that fits best, and the titles of others."""
        reply = await self._client.request(lambda number: FindArticles(number, text))
        found = reply.articles if isinstance(reply, ArticlesReply) else []
        if not found:
            return
        self._terminal.line(self._texts("help.perhaps"))
        for article in found:
            self._terminal.line(f"  {printable(article.title)}")
            if article is found[0]:
                for line in shown_text(article.text).split("\n"):
                    self._terminal.line(f"    {line}".rstrip())
        self._terminal.line(self._texts("terminal.still"))

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
                self._terminal.line(self._texts.retold(str(self._client.gone or "The agent has stopped.")))
                return ExitCode.FAILED
            case Interrupted():
                return await self._interrupted()
            case Typed(text=text, after=after):
                if text is not None and self._questions and after != self._terminal.prompts:
                    return None  # typed before the question stood there
                return await self._typed(text)
            case Tick():
                self._tell_news()
                return self._count_down()
            case _:
                return self._hear(item)

    # -- what the daemon says ---------------------------------------------------------------------------------------

    def _hear(self, said: Said) -> ExitCode | None:
        match said:
            case RelayChanged(relay=relay):
                self._relay_changed(relay)
            case CodeShown(code=code, seconds=seconds):
                self._code, self._code_until = grouped(code), time.monotonic() + seconds
                self._terminal.line(self._texts("terminal.read_whole" if "-" in code else "terminal.read"))
                self._count_down()
            case PlaceShown(ahead=ahead):
                self._ahead = self._texts("help.first") if not ahead else self._texts("terminal.ahead", count=ahead)
                return self._count_down()
            case HelpEnded():
                return self._help_ended(said)
            case ConsentAsked(question=number, ask=question, seconds=seconds):
                self._questions.append(Asking(number, question))
                if len(self._questions) == 1:
                    self._show_question(seconds)
            case ConsentExtended(seconds=seconds):
                self._terminal.line(self._texts("terminal.extended", time=clock(seconds)))
                self._prompt_again()
            case ConsentClosed(question=number, text=text):
                self._question_closed(number, text)
            case SessionChanged(session=session):
                self._session_changed(session)
            case Happened(session=session, event=event) if session in self._sessions:
                happening = self._happenings.setdefault(session, Happenings()).hear(event)
                if happening is not None and (session, happening) not in self._untold:
                    self._untold.append((session, happening))
                    del self._untold[:-MOST_KEPT]
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
            self._terminal.line(
                self._texts("terminal.away" if relay.state == "away" else "terminal.refused", why=printable(relay.text))
            )
        elif relay.state == "connected" and before is not None and before.state in ("away", "refused"):
            self._terminal.line(self._texts("terminal.back"))
        if relay.hint and (before is None or before.hint != relay.hint):
            self._terminal.line(printable(relay.hint))

    def _help_ended(self, said: HelpEnded) -> ExitCode | None:
        self._code = ""
        self._terminal.line(printable(self._texts.retold(said.text)))
        if self._relay is not None and self._relay.state != "connected":
            self._wants_code = True  # a new one as soon as the relay is back
            return None
        if said.used or self._sessions:
            return None
        return ExitCode.FAILED

    def _session_changed(self, session: SessionStatus) -> None:
        texts, line = self._texts, self._terminal.line
        before = self._sessions.get(session.session)
        self._sessions[session.session] = session
        name = printable(session.name)
        words = texts.listing([texts.may(one) for one in session.granted]) if session.granted else texts("terminal.nothing")
        if before is None:
            line()
            how = f" {texts('banner.unattended')}" if session.unattended else ""
            organisation = printable(session.organisation)
            line(texts("terminal.connected", name=name, organisation=organisation, words=words) + how)
            line(texts("terminal.commands"))
            if len(self._sessions) > 1:
                line(texts("terminal.several"))
        elif session.waiting_until and not before.waiting_until:
            line(texts("terminal.lost", name=name, left=clock(session.waiting_until - time.time())))
            line(texts("terminal.ctrl_c"))
        elif before.waiting_until and not session.waiting_until:
            line(texts("terminal.returned", name=name, words=words))
        elif session.recording is not before.recording:
            line(texts("terminal.recording" if session.recording else "terminal.recording_ended", name=name))
        elif session.paused is not before.paused:
            line(texts("terminal.paused") if session.paused else texts("terminal.resumed", name=name, words=words))
        elif session.granted != before.granted:
            line(texts("terminal.changed", name=name, words=words))

    def _tell_news(self) -> None:
        """What technicians have done in the last second; while a question stands there it waits."""
        if self._questions:
            return
        untold, self._untold = self._untold, []
        for session, happening in untold:
            name = self._sessions[session].name if session in self._sessions else ""
            self._terminal.line(line_of(happening, name, self._texts))

    def _session_over(self, over: SessionOver) -> ExitCode | None:
        self._tell_news()
        known = self._sessions.pop(over.session, None)
        self._happenings.pop(over.session, None)
        self._terminal.line(printable(self._texts.retold(over.text)))
        if over.receipt:
            self._terminal.line(self._texts("terminal.receipt", path=printable(over.receipt)))
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
            self._terminal.line(self._texts("terminal.ran_out"))
            return ExitCode.FAILED
        ahead = f"   {self._ahead}" if self._ahead else ""
        self._terminal.fleeting(self._texts("terminal.code", code=self._code, left=clock(left)) + ahead)
        return None

    # -- questions --------------------------------------------------------------------------------------------------

    def _show_question(self, seconds: float) -> None:
        question, line, texts = self._questions[0].question, self._terminal.line, self._texts
        line()
        name, organisation = printable(question.name), printable(question.organisation)
        line(texts("terminal.who", name=name, organisation=organisation, tier=question.tier))
        if question.kind == "confirm":
            card = card_of(question, texts)
            line(card.title)
            for text in card.lines:
                line(f"  {text}")
        else:
            line(texts(f"terminal.asks_{question.kind}"))
            for wish in question.wishes:
                line(f"  - {texts.may(wish.capability)}")
            if question.reason:
                line(texts("terminal.reason", reason=printable(question.reason)))
        if question.sas:
            line(texts("terminal.sas", sas=grouped(question.sas)))
        line(texts("terminal.countdown", left=clock(seconds), letter=texts("terminal.key_time")))
        self._prompt_again()

    def _prompt_again(self) -> None:
        if not self._questions:
            return
        asking, texts = self._questions[0], self._texts
        wishes = asking.question.wishes
        yes_or_no = f"[{texts('terminal.key_yes')}/{texts('terminal.key_no')}] "
        if asking.restart:
            self._terminal.line(texts("terminal.restart"))
            minutes = max(1, round(asking.question.after_restart / 60))
            self._terminal.prompt(f"  {texts('terminal.restart_within', minutes=minutes)} {yes_or_no}")
        elif asking.question.kind != "session":
            self._terminal.prompt(f"{texts('terminal.allow')} {yes_or_no}")
        elif asking.step is None:
            keys = ""
            for answer, allowed in (("watch", WATCH), ("control", WATCH_AND_CONTROL)):
                if self._offers(answer):
                    key = texts(f"terminal.key_{answer}")
                    words = [texts.may(wish.capability) for wish in wishes if wish.capability in preset(allowed, asking.question)]
                    self._terminal.line(f"  {key} = {texts(f'consent.{answer}')}: {texts.listing(words)}")
                    keys += f"{key}/"
            self._terminal.line(f"  {texts('terminal.key_yes')} = {texts('terminal.one_by_one')}")
            self._terminal.prompt(f"{texts('terminal.answer')} [{keys}{yes_or_no[1:]}")
        else:
            wish = wishes[asking.step].capability
            self._terminal.prompt(f"  {texts('terminal.may_they', words=texts.may(wish))} {yes_or_no}")

    def _offers(self, answer: str) -> bool:
        """Whether "watch" or "control" is an answer to what was asked for."""
        wanted = {wish.capability for wish in self._questions[0].question.wishes}
        return Capability.VIEW in wanted and (answer == "watch" or Capability.CONTROL in wanted)

    def _question_closed(self, number: int, text: str) -> None:
        first = bool(self._questions) and self._questions[0].number == number
        known = any(asking.number == number for asking in self._questions)
        self._questions = [asking for asking in self._questions if asking.number != number]
        if known:
            self._terminal.line()
            self._terminal.line(self._texts("terminal.closed", why=printable(self._texts.retold(text))))
        if first and self._questions:
            self._show_question(self._questions[0].question.seconds)

    async def _answer(self, text: str) -> None:
        """One typed line as an answer. Anything that is not clearly yes is No."""
        asking, word = self._questions[0], text.strip().lower()
        wishes, yes = asking.question.wishes, word in self._yes
        presets = {self._texts(f"terminal.key_{answer}"): answer for answer in ("watch", "control") if self._offers(answer)}
        if word == self._texts("terminal.key_time"):
            await self._say(lambda number: MoreTime(number, asking.number))
        elif asking.restart:
            await self._settle(granted=asking.granted, after_restart=yes)
        elif asking.question.kind == "confirm":
            await self._settle(yes=yes)
        elif asking.question.kind == "capability":
            await self._settle(granted=[wish.capability for wish in wishes] if yes else [])
        elif asking.step is not None:
            if yes:
                asking.granted.append(wishes[asking.step].capability)
            asking.step += 1
            if asking.step < len(wishes):
                self._prompt_again()
            else:
                await self._settle(granted=asking.granted)
        elif word in presets:
            allowed = preset(WATCH if presets[word] == "watch" else WATCH_AND_CONTROL, asking.question)
            await self._settle(granted=[wish.capability for wish in wishes if wish.capability in allowed])
        elif yes and wishes:
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
        self._terminal.line(self._texts("terminal.allowed" if chosen or yes else "terminal.said_no"))
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
            here = self._texts.listing([printable(one.name) for one in self._sessions.values()])
            self._terminal.line(self._texts("terminal.no_such", names=here or self._texts("terminal.nobody")))

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
            self._terminal.line(printable(self._texts.retold(str(error))))
