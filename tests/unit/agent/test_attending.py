"""The conversation at the terminal, word by word."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from agent.attending import Attendant
from agent.consent import ConsentQuestion, wishes_for
from agent.desktop.texts import Texts
from agent.errors import LocalRefused, NotRunning
from agent.local_messages import (
    AnswerConsent,
    ArticlesReply,
    Attach,
    ChatHeard,
    CodeShown,
    ConsentAsked,
    ConsentClosed,
    Done,
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
from agent.receipts import ReceiptEvent
from agent.status import RelayStatus, SessionStatus
from agent.terminal import Interrupted, Typed
from hostio.exit_codes import ExitCode
from protocol.articles import Article, fitting
from protocol.capabilities import Capability
from tests.kit.waiting import eventually_async

VIEW, CHAT, CONTROL, FIXES = Capability.VIEW, Capability.CHAT, Capability.CONTROL, Capability.FIXES
UP = RelayStatus("https://relay.example", "connected", 0.0, "Connected.")
AWAY = RelayStatus("https://relay.example", "away", 0.0, "The relay does not answer.")


def session(*granted: str, paused: bool = False, unattended: bool = False) -> SessionStatus:
    return SessionStatus("s1", "Ana Ruiz", "Example Ltd", 2, list(granted), unattended, paused, 0.0, 1.0)


def question(*wanted: Capability, kind: Any = "session", sas: str = "633489", **more: Any) -> ConsentQuestion:
    return ConsentQuestion(kind, "Ana Ruiz", "Example Ltd", 2, "the printer", sas, wishes_for(list(wanted)), **more)


class Screen:
    """The terminal's part, its keys pressed by the test."""

    def __init__(self, write: Callable[[str], None], put: Callable[[Typed | Interrupted], None]) -> None:
        self.text = ""
        self.put = put
        self.prompts = 0

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        yield

    def line(self, text: str = "") -> None:
        self.text += text + "\n"

    def prompt(self, text: str) -> None:
        self.prompts += 1
        self.text += text

    def fleeting(self, text: str) -> None:
        self.text += "\r" + text

    def clear(self) -> None:
        pass


class Client:
    """The daemon's part."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Said | None] = asyncio.Queue()
        self.requests: list[Request] = []
        self.refuse = ""
        self.articles: list[Article] = []
        self.gone = NotRunning("The agent has stopped.")

    async def request(self, make: Callable[[int], Request]) -> Done | ArticlesReply:
        request = make(1)
        self.requests.append(request)
        if isinstance(request, FindArticles):
            return ArticlesReply(1, fitting(self.articles, request.text))
        if self.refuse and not isinstance(request, Attach):
            raise LocalRefused(self.refuse)
        return Done(1)


class Scene:
    def __init__(self, asking: str | None, language: str = "en") -> None:
        self.client = Client()
        texts = Texts(language)
        self.attendant = Attendant(self.client, lambda _: None, asking=asking, texts=texts, terminal=Screen)  # type: ignore[arg-type]
        self.screen: Screen = self.attendant._terminal  # type: ignore[assignment]
        self.task = asyncio.get_running_loop().create_task(self.attendant.run())

    def hear(self, *said: Said | None) -> None:
        for one in said:
            self.client.events.put_nowait(one)

    async def sees(self, text: str) -> None:
        await eventually_async(lambda: text in self.screen.text, f"{text!r} in {self.screen.text!r}")

    async def press(self, *lines: str) -> None:
        for line in lines:
            self.screen.put(Typed(line, self.screen.prompts))
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def asked_for(self, kind: type[Request]) -> Request:
        def find() -> Request | None:
            return next((request for request in self.client.requests if isinstance(request, kind)), None)

        found = await eventually_async(find, kind.__name__)
        assert found is not None
        return found

    async def ends(self) -> ExitCode:
        return await asyncio.wait_for(self.task, 60)


@pytest.fixture
async def scenes() -> AsyncIterator[Callable[..., Scene]]:
    made: list[Scene] = []

    def make(asking: str | None = "the printer", language: str = "en") -> Scene:
        made.append(Scene(asking, language))
        return made[-1]

    yield make
    for scene in made:
        scene.task.cancel()
        await asyncio.wait([scene.task])


Make = Callable[..., Scene]


async def test_help_from_the_code_to_the_receipt(scenes: Make) -> None:
    one = scenes()
    one.hear(RelayChanged(UP))
    request = await one.asked_for(RequestHelp)
    assert isinstance(request, RequestHelp)
    assert request.text == "the printer"
    one.hear(CodeShown("482913507", 600.0))
    await one.sees("Your code: 482 913 507   (9:59 left)")
    one.hear(PlaceShown(2, 4))
    await one.sees("2 wait before you.")
    one.hear(PlaceShown(0, 3))
    await one.sees("You are next.")
    one.hear(HelpEnded("A technician has used the code.", True), ConsentAsked(3, question(VIEW, CHAT, CONTROL), 180.0))
    await one.sees("=== Ana Ruiz of Example Ltd (technician, tier 2) ===")
    for words in ("  - see your screen", '"the printer"', "633 489", "No in 3:00", "c = Watch and control", "[w/c/y/N] "):
        assert words in one.screen.text
    await one.press("c")
    answer = await one.asked_for(AnswerConsent)
    assert answer == AnswerConsent(1, 3, [VIEW, CHAT, CONTROL])
    one.hear(ConsentClosed(3, "It was answered."), SessionChanged(session("view", "chat")))
    await one.sees("CONNECTED: Ana Ruiz of Example Ltd can see your screen and chat with you.")
    one.hear(SessionOver("s1", "The session is over.", "/home/ana/receipt.txt"))
    assert await one.ends() is ExitCode.OK
    assert "Your receipt: /home/ana/receipt.txt" in one.screen.text
    assert "The question is closed" not in one.screen.text


@pytest.mark.parametrize(
    ("keys", "granted"),
    [
        ([""], []),
        (["no"], []),
        (["yes please"], []),
        (["w"], [VIEW, CHAT]),
        (["W "], [VIEW, CHAT]),
        (["c"], [VIEW, CHAT, CONTROL]),
        (["y", "y", "", "YES", "n"], [VIEW, CONTROL]),
        (["y", "n", "n", "n", "n"], []),
        (["y", "y", "y", "y", "y"], [VIEW, CHAT, CONTROL, FIXES]),
    ],
)
async def test_every_answer_gives_what_it_says(scenes: Make, keys: list[str], granted: list[Capability]) -> None:
    one = scenes(None)
    one.hear(ConsentAsked(3, question(VIEW, CHAT, CONTROL, FIXES), 180.0))
    await one.sees("[w/c/y/N] ")
    await one.press(*keys)
    assert await one.asked_for(AnswerConsent) == AnswerConsent(1, 3, granted)


async def test_watching_is_recorded_where_policy_demands_it(scenes: Make) -> None:
    one = scenes(None)
    one.hear(ConsentAsked(3, question(VIEW, CHAT, Capability.RECORDING, recorded=True), 180.0))
    await one.sees("record what they see of your screen")
    await one.sees("[w/y/N] ")
    await one.press("w")
    assert await one.asked_for(AnswerConsent) == AnswerConsent(1, 3, [VIEW, CHAT, Capability.RECORDING])


async def test_a_line_from_before_the_question_is_no_answer(scenes: Make) -> None:
    one = scenes(None)
    early = one.screen.prompts
    one.hear(ConsentAsked(3, question(VIEW, CHAT), 180.0))
    await one.sees("[w/y/N] ")
    one.screen.put(Typed("w", early))
    await one.press("n")
    assert await one.asked_for(AnswerConsent) == AnswerConsent(1, 3, [])


async def test_without_a_screen_to_watch_there_are_no_shortcuts(scenes: Make) -> None:
    one = scenes(None)
    one.hear(ConsentAsked(3, question(CHAT, sas=""), 180.0))
    await one.sees("Your answer [y/N] ")
    assert "Compare" not in one.screen.text
    await one.press("w")
    assert await one.asked_for(AnswerConsent) == AnswerConsent(1, 3, [])


@pytest.mark.parametrize(("key", "yes"), [("y", True), ("", False), ("c", False)])
async def test_a_fix_is_confirmed_in_plain_words(scenes: Make, key: str, yes: bool) -> None:
    one = scenes(None)
    confirm = question(kind="confirm", sas="", title="Run this fix?", text="It restarts \x1b[2J", details=["the printer"])
    one.hear(ConsentAsked(4, confirm, 60.0))
    await one.sees("Allow it? [y/N] ")
    assert "  It restarts \\x1b[2J\n  the printer" in one.screen.text
    await one.press(key)
    assert await one.asked_for(AnswerConsent) == AnswerConsent(1, 4, [], yes)


async def test_one_capability_more_is_a_question_of_its_own(scenes: Make) -> None:
    one = scenes(None)
    one.hear(ConsentAsked(5, question(CONTROL, kind="capability", sas=""), 60.0))
    await one.sees("asks for more in this session")
    await one.press("y")
    assert await one.asked_for(AnswerConsent) == AnswerConsent(1, 5, [CONTROL])


async def test_questions_come_one_after_the_other(scenes: Make) -> None:
    one = scenes(None)
    one.hear(ConsentAsked(1, question(CHAT), 180.0), ConsentAsked(2, question(VIEW), 180.0))
    await one.sees("[y/N] ")
    assert "see your screen" not in one.screen.text
    await one.press("t")
    assert await one.asked_for(MoreTime) == MoreTime(1, 1)
    one.hear(ConsentClosed(1, "Nobody answered in time."))
    await one.sees("The question is closed. Nobody answered in time.")
    await one.sees("see your screen")
    await one.press("w")
    assert await one.asked_for(AnswerConsent) == AnswerConsent(1, 2, [VIEW])


async def test_a_session_can_be_paused_spoken_in_and_stopped(scenes: Make) -> None:
    one = scenes(None)
    one.hear(SessionChanged(session("chat", unattended=True)))
    await one.sees("Nobody was asked: your organisation's policy allows it.")
    await one.press("/pause", "good day", "/stop", "")
    assert await one.asked_for(StopSession) == StopSession(1)
    assert await one.asked_for(PauseSession) == PauseSession(1, True)
    assert await one.asked_for(SayChat) == SayChat(1, "", "good day")
    one.hear(SessionChanged(session("chat", unattended=True, paused=True)), ChatHeard("s1", "Ana Ruiz", "hello", 0.0))
    await one.sees("PAUSED: nothing gets through.")
    await one.sees("Ana Ruiz: hello")
    one.hear(SessionChanged(session("chat")), SessionChanged(session()))
    await one.sees("RESUMED")
    await one.sees("CHANGED: Ana Ruiz can now do nothing.")
    one.hear(SessionOver("s1", "Over."))
    await one.sees("Over.")
    assert not one.task.done()


async def test_of_two_technicians_one_can_be_stopped_alone(scenes: Make) -> None:
    one = scenes(None)
    one.hear(
        SessionChanged(session("chat")), SessionChanged(msgspec.structs.replace(session("chat"), session="s2", name="Ben Ruiz"))
    )
    await one.sees("/stop NAME ends the session of one alone.")
    await one.press("/stop nobody", "/stop ben")
    assert await one.asked_for(StopSession) == StopSession(1, "s2")
    await one.sees("Nobody of that name is connected; here: Ana Ruiz and Ben Ruiz.")
    one.hear(SessionOver("s2", "Ben is gone."), SessionOver("s1", "Ana is gone."))
    await one.sees("Ana is gone.")
    await one.press("/stop ana")
    await one.sees("here: nobody.")


async def test_a_lost_connection_is_said_and_can_be_ended(scenes: Make) -> None:
    one = scenes(None)
    one.hear(RelayChanged(UP), SessionChanged(session("chat")))
    await one.sees("CONNECTED")
    lost = SessionStatus("s1", "Ana Ruiz", "Example Ltd", 2, ["chat"], False, False, 0.0, 1.0, time.time() + 599.5)
    one.hear(SessionChanged(lost))
    await one.sees("CONNECTION LOST, WAITING: Ana Ruiz may come back without asking, for at most 9:59.")
    one.hear(SessionChanged(session("chat")))
    await one.sees("BACK: Ana Ruiz can chat with you.")
    one.hear(SessionChanged(lost))
    one.screen.put(Interrupted())
    assert isinstance(await one.asked_for(StopSession), StopSession)


@pytest.mark.parametrize(("word", "lasting"), [("y", True), ("", False), ("w", False), ("n", False)])
async def test_coming_back_after_a_restart_is_a_question_of_its_own(scenes: Make, word: str, lasting: bool) -> None:
    one = scenes(None)
    one.hear(RelayChanged(UP), ConsentAsked(7, question(VIEW, CHAT, after_restart=900.0), 180.0))
    await one.sees("Your answer")
    assert "restarts" not in one.screen.text
    await one.press("w")
    await one.sees("within 15 min after this computer restarts. May they? [y/N]")
    assert not [request for request in one.client.requests if isinstance(request, AnswerConsent)]
    await one.press(word)
    answer = await one.asked_for(AnswerConsent)
    assert isinstance(answer, AnswerConsent)
    assert (answer.granted, answer.after_restart) == ([VIEW, CHAT], lasting)


async def test_after_a_no_nothing_is_asked_about_restarts(scenes: Make) -> None:
    one = scenes(None)
    one.hear(RelayChanged(UP), ConsentAsked(7, question(VIEW, after_restart=900.0), 180.0))
    await one.sees("Your answer")
    await one.press("")
    assert isinstance(await one.asked_for(AnswerConsent), AnswerConsent)
    assert "restarts" not in one.screen.text


async def test_ctrl_c_ends_the_session_first_and_itself_then(scenes: Make) -> None:
    one = scenes()
    one.hear(SessionChanged(session("chat")))
    await one.sees("CONNECTED")
    one.screen.put(Interrupted())
    await one.asked_for(StopSession)
    one.hear(SessionOver("s1", "Over."))
    assert await one.ends() is ExitCode.OK


async def test_ctrl_c_without_a_session_is_the_end(scenes: Make) -> None:
    one = scenes()
    one.screen.put(Interrupted())
    assert await one.ends() is ExitCode.INTERRUPTED
    two = scenes()
    two.screen.put(Typed(None))
    assert await two.ends() is ExitCode.INTERRUPTED


async def test_a_relay_that_goes_takes_the_code_and_brings_another(scenes: Make) -> None:
    one = scenes()
    one.hear(RelayChanged(UP))
    await one.asked_for(RequestHelp)
    one.hear(CodeShown("111111111", 600.0), RelayChanged(AWAY), RelayChanged(AWAY), HelpEnded("The code is gone."))
    await one.sees("The code is gone.")
    assert one.screen.text.count("Trying again until it is there.") == 1
    one.client.requests.clear()
    one.hear(RelayChanged(UP))
    await one.sees("The relay is back.")
    await one.asked_for(RequestHelp)


async def test_a_clock_that_is_off_is_said_once(scenes: Make) -> None:
    one = scenes(None)
    off = RelayStatus("https://relay.example", "connected", 0.0, "Connected.", None, "This computer's clock is behind.")
    one.hear(RelayChanged(off), RelayChanged(off), ChatHeard("s", "Ana", "hello", 0.0))
    await one.sees("hello")
    assert one.screen.text.count("clock is behind") == 1


async def test_a_code_that_runs_out_is_the_end(scenes: Make) -> None:
    one = scenes()
    one.hear(RelayChanged(UP), CodeShown("111111111", 0.0))
    await one.sees("The code has run out.")


async def test_a_code_that_the_relay_refuses_is_the_end(scenes: Make) -> None:
    one = scenes()
    one.hear(RelayChanged(UP), HelpEnded("The relay gave no code: too many."))
    assert await one.ends() is ExitCode.FAILED


async def test_a_session_that_was_not_opened_is_a_refusal(scenes: Make) -> None:
    one = scenes()
    one.hear(RelayChanged(UP), HelpEnded("used", True), SessionOver("", "Ana Ruiz was refused: not on the list."))
    assert await one.ends() is ExitCode.REFUSED


async def test_a_daemon_that_stops_is_said(scenes: Make) -> None:
    one = scenes(None)
    one.hear(None)
    assert await one.ends() is ExitCode.FAILED
    assert "The agent on this computer has stopped." in one.screen.text


async def test_what_the_daemon_refuses_is_shown(scenes: Make) -> None:
    one = scenes(None)
    one.client.refuse = "There is no such session."
    await one.press("/stop")
    await one.sees("There is no such session.")


async def test_articles_that_fit_are_shown_before_the_code(scenes: Make) -> None:
    one = scenes()
    words = ["printer"]
    one.client.articles = [
        Article(id="a", title="The printer\x1b[2J", words=[*words, "the"], text="Is it on?\n- Open the lid."),
        Article(id="b", title="Paper", words=words, text="There is none."),
    ]
    one.hear(RelayChanged(UP))
    await one.asked_for(RequestHelp)
    article = ["  The printer\\x1b[2J", "    Is it on?", "    • Open the lid."]
    assert one.screen.text.startswith("\n".join(["Perhaps this helps already:", *article, "  Paper", "Ctrl-C if that"]))


async def test_what_the_technician_does_is_said_as_it_happens(scenes: Make) -> None:
    one = scenes(None)
    one.hear(
        SessionChanged(session("chat")), Happened("s1", ReceiptEvent(0.0, "file sent", {"path": "a/report.pdf\x1b", "size": 3}))
    )
    await one.sees("  Ana Ruiz took report.pdf\\x1b\n")
    one.hear(ConsentAsked(3, question(VIEW), 180.0))
    await one.sees("[w/y/N] ")
    for number in range(9):
        one.hear(Happened("s1", ReceiptEvent(float(number), "clipboard read", {"kind": "text", "size": 3})))
    one.hear(SessionOver("s2", "somebody else's"))
    await one.sees("somebody else's")
    assert "clipboard" not in one.screen.text, "nothing is written into the answer"
    await one.press("w")
    await one.sees("Ana Ruiz read your clipboard 9 times\n")
    assert one.screen.text.count("read your clipboard") == 1


async def test_in_german_from_the_code_to_the_receipt(scenes: Make) -> None:
    one = scenes(language="de")
    one.hear(RelayChanged(UP), CodeShown("482913507", 600.0), PlaceShown(2, 4))
    await one.sees("Ihr Code: 482 913 507   (noch 9:59)   2 warten vor Ihnen.")
    one.hear(HelpEnded("A technician has used the code.", True), ConsentAsked(3, question(VIEW, CHAT, CONTROL), 180.0))
    await one.sees("=== Ana Ruiz von Example Ltd (Support, Stufe 2) ===")
    await one.sees("Ihre Antwort [z/s/j/N] ")
    assert "  - Ihren Bildschirm sehen" in one.screen.text
    await one.press("m")
    assert await one.asked_for(MoreTime) == MoreTime(1, 3)
    await one.press("s")
    assert await one.asked_for(AnswerConsent) == AnswerConsent(1, 3, [VIEW, CHAT, CONTROL])
    one.hear(ConsentClosed(3, "It was answered."), SessionChanged(session("view", "chat")))
    await one.sees("VERBUNDEN: Ana Ruiz von Example Ltd kann Ihren Bildschirm sehen und mit Ihnen chatten.")
    over = "policy: The organisation has revoked this technician's certificate. Talk to an administrator."
    one.hear(SessionOver("s1", f"The session of Ana Ruiz is over: {over}.", "/home/ana/receipt.txt"))
    assert await one.ends() is ExitCode.OK
    said = "Beendet: Regeln Ihrer Organisation: das Zertifikat der Person wurde widerrufen."
    assert said in one.screen.text
    assert "Ihre Quittung: /home/ana/receipt.txt" in one.screen.text
    left = ("technician", "Your", "code ", "answer", "Ctrl-C", "session")
    assert not [word for word in left if word in one.screen.text]


@pytest.mark.parametrize(
    ("keys", "granted"),
    [
        (["j", "ja", "N", "J"], [VIEW, CONTROL]),
        (["y", "y", "", "n"], [VIEW]),
        (["z"], [VIEW, CHAT]),
        (["w"], []),
        (["c"], []),
        (["nein"], []),
        ([""], []),
    ],
)
async def test_german_answers(scenes: Make, keys: list[str], granted: list[Capability]) -> None:
    one = scenes(None, "de")
    one.hear(ConsentAsked(3, question(VIEW, CHAT, CONTROL), 180.0))
    await one.sees("Ihre Antwort [z/s/j/N] ")
    await one.press(*keys)
    assert await one.asked_for(AnswerConsent) == AnswerConsent(1, 3, granted)


async def test_a_question_of_a_feature_is_put_in_german_too(scenes: Make) -> None:
    one = scenes(None, "de")
    fix = question(kind="confirm", sas="", title="Restart this computer?", text="It restarts at once.", words="restart")
    one.hear(ConsentAsked(4, fix, 60.0))
    await one.sees("Erlauben? [j/N] ")
    assert "Diesen Computer neu starten?\n  Er startet sofort neu." in one.screen.text


async def test_a_guests_code_is_shown_whole() -> None:
    one = Scene("the printer")
    one.hear(RelayChanged(UP), CodeShown("482913507-ABCDEFGH", 600.0))
    await one.sees("Read all of it, the letters too.")
    await one.sees("Your code: 482 913 507-ABCD EFGH   (9:59 left)")
    one.task.cancel()
    await asyncio.wait([one.task])
