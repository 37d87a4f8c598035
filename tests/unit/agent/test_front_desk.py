"""What local programs may ask, and what they hear."""

import asyncio
import secrets
import threading
from pathlib import Path

import msgspec
import pytest

from agent.allowed import AllowedHere
from agent.attention import LOST
from agent.consent import ConsentBroker, ConsentQuestion, Outcome, wishes_for
from agent.errors import LocalRefused
from agent.front_desk import CALLED, FrontDesk
from agent.guest import GuestCode
from agent.local_messages import (
    AllowedReply,
    AnswerConsent,
    AreYouThere,
    ArticlesReply,
    AskAllowed,
    AskStatus,
    Attach,
    CancelHelp,
    CodeShown,
    ConsentAsked,
    ConsentClosed,
    ConsentExtended,
    FindArticles,
    Happened,
    HelpEnded,
    ListReceipts,
    MoreTime,
    PauseSession,
    PlaceShown,
    RateSession,
    ReadReceipt,
    ReceiptReply,
    ReceiptsReply,
    RelayChanged,
    Request,
    RequestHelp,
    RevokeCapability,
    Said,
    SayChat,
    SessionChanged,
    StatusReply,
    StillHere,
    StopSession,
)
from agent.receipts import ReceiptEvent, ReceiptRow, ReceiptShelf
from agent.status import RelayStatus, SessionStatus, StatusBoard
from hostio.errors import RelayUnreachable
from hostio.tasks import Supervisor
from protocol.articles import Article, fitting
from protocol.capabilities import Capability
from protocol.codes import parse_code
from protocol.errors import RefusalReason, Refused
from protocol.link_messages import HelpCancel, HelpCode, HelpPlace, HelpRequest, LinkMessage
from tests.kit.waiting import eventually_async

CONNECTED = RelayStatus("https://relay.example", "connected", 0.0, "")


class Program:
    """A connection that keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[Said] = []
        self.cut_for: list[str] = []
        self.pid = 1

    def cut(self, text: str) -> None:
        self.cut_for.append(text)

    def say(self, said: Said) -> None:
        self.heard.append(said)


class Session:
    """What a request does to a session. `deaf`: chat is not part of it."""

    def __init__(self, number: str, *, shares_chat: bool = False, deaf: bool = False) -> None:
        self.id = number
        self.shares_chat = shares_chat
        self.deaf = deaf
        self.done: list[object] = []

    def end(self, reason: str) -> None:
        self.done.append(("end", reason))

    def pause(self, paused: bool) -> None:
        self.done.append(("pause", paused))

    def revoke(self, capability: Capability, by: str) -> None:
        self.done.append(("revoke", capability, by))

    def say(self, text: str) -> None:
        if self.deaf:
            raise Refused("Chat is not part of this session.", reason=RefusalReason.NOT_GRANTED)
        self.done.append(("say", text))


class Room:
    """A desk with its broker, board and a relay that notes messages."""

    def __init__(self) -> None:
        self.broker = ConsentBroker()
        self.board = StatusBoard(device="d", label="Till 3", organisation="Example", certificate_until=0.0, relay=CONNECTED)
        self.sessions = [Session("a"), Session("b")]
        self.sent: list[LinkMessage] = []
        self.away = False
        self.desk = FrontDesk(self.broker, self.board, sessions=lambda: self.sessions, send=self.send)  # type: ignore[arg-type, return-value]

    def send(self, message: LinkMessage) -> None:
        if self.away:
            raise RelayUnreachable("The relay is away.")
        self.sent.append(message)

    async def ask(self, program: Program, request: Request) -> Said | None:
        return await self.desk.request(program, request)  # type: ignore[arg-type]

    async def attached(self) -> Program:
        program = Program()
        await self.ask(program, Attach(1))
        return program


@pytest.fixture
def room() -> Room:
    return Room()


async def test_status_is_for_everybody(room: Room) -> None:
    reply = await room.ask(Program(), AskStatus(4))
    assert isinstance(reply, StatusReply)
    assert (reply.id, reply.status.label) == (4, "Till 3")


async def test_who_attaches_hears_how_things_stand_and_what_changes(room: Room) -> None:
    open_session = SessionStatus("a", "Ana", "Example", 1, ["chat"], False, False, 0.0, 1.0)
    room.board.set_session(open_session)
    program = await room.attached()
    await room.ask(program, Attach(2))
    assert program.heard == [RelayChanged(CONNECTED), SessionChanged(open_session)]
    away = RelayStatus("https://relay.example", "away", 1.0, "gone")
    room.board.set_relay(away)
    assert program.heard[-1] == RelayChanged(away)
    assert room.board.snapshot().attached == 1
    room.desk.gone(program)  # type: ignore[arg-type]
    assert room.board.snapshot().attached == 0


async def test_a_code_belongs_to_the_program_that_asked(room: Room) -> None:
    program, other = await room.attached(), await room.attached()
    await room.ask(program, RequestHelp(2, "printer"))
    assert room.sent == [HelpRequest(1, "printer")]
    room.desk.help_code(HelpCode(1, "123456789", 600.0))
    assert program.heard[-1] == CodeShown("123456789", 600.0)
    assert CodeShown("123456789", 600.0) not in other.heard
    with pytest.raises(Refused, match="already"):
        await room.ask(program, RequestHelp(3))
    room.desk.help_ended(1, "used", used=True)
    assert program.heard[-1] == HelpEnded("used", True)
    room.desk.help_ended(1, "again")
    await room.ask(program, RequestHelp(4))
    room.desk.relay_lost()
    assert isinstance(program.heard[-1], HelpEnded)


async def test_a_code_is_withdrawn_with_its_program(room: Room) -> None:
    program = await room.attached()
    await room.ask(program, RequestHelp(2))
    await room.ask(program, CancelHelp(3))
    assert room.sent[-1] == HelpCancel(1)
    await room.ask(program, RequestHelp(4))
    room.desk.gone(program)  # type: ignore[arg-type]
    assert room.sent[-1] == HelpCancel(2)
    room.desk.help_code(HelpCode(2, "123456789", 600.0))
    assert room.sent[-1] == HelpCancel(2)
    room.away = True
    room.desk.help_code(HelpCode(2, "123456789", 600.0))


async def test_help_needs_somebody_who_sees_the_question_and_a_relay(room: Room) -> None:
    with pytest.raises(Refused, match="Attach first"):
        await room.ask(Program(), RequestHelp(1))
    room.away = True
    program = await room.attached()
    with pytest.raises(RelayUnreachable):
        await room.ask(program, RequestHelp(1))
    room.away = False
    await room.ask(program, RequestHelp(1))


async def test_questions_reach_the_attached_and_only_they_answer(room: Room) -> None:
    program = await room.attached()
    question = ConsentQuestion("session", "Ana", "Example", 1, "", wishes=wishes_for([Capability.CHAT]))
    answers: list[object] = []

    async def ask() -> None:
        answers.append(await room.broker.ask(question))

    async with Supervisor() as tasks:
        _ = tasks.spawn(ask(), "asking")
        await eventually_async(lambda: any(isinstance(said, ConsentAsked) for said in program.heard), "the question")
        number = next(said.question for said in program.heard if isinstance(said, ConsentAsked))
        with pytest.raises(Refused, match="Only a program"):
            await room.ask(Program(), AnswerConsent(1, number, [Capability.CHAT]))
        await room.ask(program, MoreTime(2, number))
        assert program.heard[-1] == ConsentExtended(number, 180.0)
        await room.ask(program, AnswerConsent(3, number, [Capability.CHAT]))
        await eventually_async(lambda: answers, "the answer")
        assert answers[0].outcome is Outcome.ANSWERED  # type: ignore[attr-defined]
        assert program.heard[-1] == ConsentClosed(number, "It was answered.")
        for late in (AnswerConsent(4, number), MoreTime(5, number)):
            with pytest.raises(LocalRefused):
                await room.ask(program, late)


async def test_sessions_are_ended_paused_narrowed_and_spoken_to(room: Room) -> None:
    program = Program()
    await room.ask(program, StopSession(1))
    await room.ask(program, PauseSession(2, True, "a"))
    await room.ask(program, RevokeCapability(3, "b", Capability.CONTROL))
    await room.ask(program, SayChat(4, "b", "hello"))
    ended = ("end", "ended by the person at this computer")
    assert room.sessions[0].done == [ended, ("pause", True)]
    assert room.sessions[1].done == [ended, ("revoke", Capability.CONTROL, "user"), ("say", "hello")]
    with pytest.raises(Refused) as refused:
        await room.ask(program, StopSession(5, "c"))
    assert refused.value.reason is RefusalReason.NOT_FOUND


async def test_who_hears_one_another_hears_the_person_too(room: Room) -> None:
    a, b = (Session(name, shares_chat=True) for name in "ab")
    apart, deaf = Session("c"), Session("d", deaf=True)
    room.sessions[:] = [a, b, apart, deaf]
    await room.ask(Program(), SayChat(1, "a", "to both"))
    await room.ask(Program(), SayChat(2, "c", "to one"))
    await room.ask(Program(), SayChat(3, "", "to all"))
    assert a.done == b.done == [("say", "to both"), ("say", "to all")]
    assert apart.done == [("say", "to one"), ("say", "to all")]
    with pytest.raises(Refused, match="not part"):
        await room.ask(Program(), SayChat(4, "d", "to nobody"))


async def test_a_technician_is_called_and_nobody_is_shown_the_code(room: Room) -> None:
    ended: list[str] = []
    room.desk.listen_for_calls(ended.append)
    program = await room.attached()
    room.desk.call_technician(2, "q7")
    assert room.sent == [HelpRequest(1, CALLED, 2, "q7")]
    before = list(program.heard)
    room.desk.help_code(HelpCode(1, "123456789", 600.0))
    assert program.heard == before
    room.desk.relay_back()
    assert room.sent[1:] == [HelpRequest(2, CALLED, 2, "q7")]
    room.desk.uncall_technician()
    room.desk.uncall_technician()
    assert room.sent[2:] == [HelpCancel(2)]
    room.desk.call_technician(3, "")
    room.desk.help_ended(3, "The relay gave no code: busy.")
    assert ended == ["The relay gave no code: busy."]
    room.desk.relay_back()
    assert len(room.sent) == 4


async def test_a_code_of_the_persons_own_goes_before_a_call(room: Room) -> None:
    ended: list[str] = []
    room.desk.listen_for_calls(ended.append)
    program = await room.attached()
    room.desk.call_technician(2, "")
    await room.ask(program, RequestHelp(1, "printer"))
    assert ended == ["The user has asked for a code of their own."]
    with pytest.raises(Refused, match="code of their own"):
        room.desk.call_technician(2, "")


async def test_a_guest_calls_nobody(room: Room) -> None:
    room.desk._guest = GuestCode(secrets.token_bytes)
    with pytest.raises(Refused) as refused:
        room.desk.call_technician(2, "")
    assert refused.value.reason is RefusalReason.UNSUPPORTED


async def test_a_request_from_the_future_is_refused(room: Room) -> None:
    class Future(Request, frozen=True, tag="future"):
        pass

    with pytest.raises(Refused, match="does not know"):
        await room.ask(Program(), Future(1))


async def test_a_guest_shows_the_whole_code_and_tells_the_relay_nothing(room: Room) -> None:
    guest = GuestCode(secrets.token_bytes)
    room.desk._guest = guest
    program = await room.attached()
    await room.ask(program, RequestHelp(2, "printer"))
    assert room.sent == [HelpRequest(1, "")]
    assert guest.text == "printer"
    room.desk.help_code(HelpCode(1, "123456789", 600.0))
    shown = program.heard[-1]
    assert isinstance(shown, CodeShown)
    code = parse_code(shown.code)
    assert code is not None
    assert (code.rendezvous, len(code.secret)) == ("123456789", 8)
    assert guest.take() == code.secret
    room.desk.codes_used("A technician has used the code.")
    assert program.heard[-1] == HelpEnded("A technician has used the code.", True)


async def test_a_guests_code_ends_with_its_request(room: Room) -> None:
    guest = GuestCode(secrets.token_bytes)
    room.desk._guest = guest
    for end in (room.desk.relay_lost, lambda: room.desk._withdraw_all(program)):  # type: ignore[arg-type]  # noqa: B023 - called within its turn
        program = await room.attached()
        await room.ask(program, RequestHelp(2))
        room.desk.help_code(HelpCode(room.desk._next_help - 1, "123456789", 600.0))
        end()
        assert guest.take() == ""


async def test_everything_else_goes_on_while_receipts_are_read(room: Room, tmp_path: Path) -> None:
    may = threading.Event()

    class Slow(ReceiptShelf):
        """On a slow disk."""

        def rows(self) -> list[ReceiptRow]:
            assert may.wait(60)
            return super().rows()

    desk = FrontDesk(room.broker, room.board, sessions=list, send=room.send, receipts=Slow(tmp_path))
    asyncio.get_running_loop().call_soon(may.set)
    assert await desk.request(Program(), ListReceipts(1)) == ReceiptsReply(1, [])  # type: ignore[arg-type]


async def test_receipts_are_listed_read_and_rated(room: Room, tmp_path: Path) -> None:
    receipt = {"session": "00aa11bb", "device": "Till 3", "organisation": "Example", "technician": "Ana", "tier": 1}
    receipt |= {"reason": ""}
    receipt |= {"unattended": False, "opened_at": "2026-11-01T10:00:00Z"}
    receipt |= {"ended_at": "2026-11-01T10:05:00Z", "ended_because": "x"}
    (tmp_path / "2026-11-01T100000Z-00aa11bb.json").write_bytes(msgspec.json.encode(receipt))
    with pytest.raises(Refused, match="keeps no receipts"):
        await room.ask(Program(), ListReceipts(1))
    desk = FrontDesk(room.broker, room.board, sessions=list, send=room.send, receipts=ReceiptShelf(tmp_path))
    program = Program()
    await desk.request(program, RateSession(1, "00aa11bb", 4, "quick"))  # type: ignore[arg-type]
    rows = await desk.request(program, ListReceipts(2))  # type: ignore[arg-type]
    assert isinstance(rows, ReceiptsReply)
    assert [(row.technician, row.stars) for row in rows.receipts] == [("Ana", 4)]
    shown = await desk.request(program, ReadReceipt(3, "00aa11bb"))  # type: ignore[arg-type]
    assert isinstance(shown, ReceiptReply)
    assert (shown.id, shown.receipt.rating.comment) == (3, "quick")


async def test_a_program_that_does_not_answer_is_cut_off_and_counts_as_gone(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.front_desk.EVERY_SECONDS", 0.01)
    monkeypatch.setattr("agent.attention.MOST_SECONDS", 0.2)
    awake, stopped = await room.attached(), await room.attached()
    watching = asyncio.get_running_loop().create_task(room.desk.watch_over())
    try:
        for number in range(2**31, 2**31 + 2000):
            asked = [said for said in awake.heard if isinstance(said, AreYouThere)]
            if asked:
                await room.ask(awake, StillHere(number, asked[-1].number))
            if stopped.cut_for:
                break
            await asyncio.sleep(0.005)
    finally:
        watching.cancel()
        await asyncio.wait([watching])
    assert (stopped.cut_for, awake.cut_for) == ([LOST], [])
    assert len([said for said in stopped.heard if isinstance(said, AreYouThere)]) == 1
    assert (room.broker.attached, room.board.attached) == (1, 1)


async def test_the_place_in_the_queue_goes_to_whoever_asked() -> None:
    room, program, other = Room(), Program(), Program()
    for one in (program, other):
        await room.ask(one, Attach(1))
    await room.ask(program, RequestHelp(2, "printer"))
    room.desk.help_place(HelpPlace(1, 2, 5))
    room.desk.help_place(HelpPlace(9, 0, 1))
    assert [said for said in program.heard if isinstance(said, PlaceShown)] == [PlaceShown(2, 5)]
    assert not any(isinstance(said, PlaceShown) for said in other.heard)


async def test_the_rules_are_told_where_they_are_known() -> None:
    room, program = Room(), Program()
    with pytest.raises(Refused, match="knows no rules"):
        await room.ask(program, AskAllowed(1))
    rules = AllowedHere("Example", "front", None)
    desk = FrontDesk(room.broker, room.board, sessions=list, send=room.send, allowed=lambda: rules)
    assert await desk.request(program, AskAllowed(7)) == AllowedReply(7, rules)  # type: ignore[arg-type]


async def test_what_technicians_do_is_told_at_once_and_to_who_attaches_later(room: Room) -> None:
    room.board.set_session(SessionStatus("a", "Ana", "Example", 1, ["files_out"], False, False, 0.0, 1.0))
    program = await room.attached()
    taken = ReceiptEvent(5.0, "file sent", {"path": "report.pdf", "size": 3})
    room.board.note("a", taken)
    assert program.heard[-1] == Happened("a", taken)
    assert (await room.attached()).heard[-1] == Happened("a", taken)


async def test_articles_are_found_by_what_is_wrong() -> None:
    board = StatusBoard(device="d", label="Till 3", organisation="Example", certificate_until=0.0, relay=CONNECTED)
    known = [Article(id="printer", title="The printer", words=["printer"], text="Is it on?")]
    desk = FrontDesk(ConsentBroker(), board, sessions=list, send=lambda _: None, articles=lambda text: fitting(known, text))
    program = Program()
    for text, found in (("my printer", known), ("my mouse", [])):
        assert await desk.request(program, FindArticles(3, text)) == ArticlesReply(3, found)  # type: ignore[arg-type]
    assert await Room().ask(program, FindArticles(3, "printer")) == ArticlesReply(3, [])
