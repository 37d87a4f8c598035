"""What the desktop side knows after the daemon has spoken, and what it shows for it."""

from agent.consent import ConsentQuestion
from agent.desktop.state import MOST_CHAT_LINES, ChatLine, Conversation, DesktopState, HelpStage, Mood
from agent.local_messages import (
    ChatHeard,
    CodeShown,
    ConsentAsked,
    ConsentClosed,
    ConsentExtended,
    Happened,
    HelpEnded,
    RelayChanged,
    Said,
    SessionChanged,
    SessionOver,
    StatusReply,
)
from agent.receipts import ReceiptEvent
from agent.status import AgentStatus, SessionStatus
from tests.kit.desk import AWAY, CONNECTED, asking


def status(number: str = "s1", *, paused: bool = False, granted: tuple[str, ...] = ("view", "chat")) -> SessionStatus:
    return SessionStatus(number, "Ana Ruiz", "Example Ltd", 2, list(granted), False, paused, 50.0, 5000.0)


def hearing(*said: Said, state: DesktopState | None = None, now: float = 100.0) -> DesktopState:
    state = state or DesktopState()
    state.agent_here()
    for one in said:
        state.hear(one, now, 1000.0)
    return state


def test_the_mood_is_the_most_important_thing() -> None:
    assert DesktopState().mood is Mood.OFFLINE
    assert hearing().mood is Mood.OFFLINE
    state = hearing(RelayChanged(CONNECTED))
    assert state.mood is Mood.READY
    assert hearing(RelayChanged(AWAY), state=state).mood is Mood.OFFLINE
    hearing(RelayChanged(CONNECTED), state=state)
    state.ask_for_help("printer", 100.0)
    assert state.mood is Mood.WAITING
    assert hearing(SessionChanged(status()), state=state).mood is Mood.CONNECTED
    assert hearing(SessionChanged(status(paused=True)), state=state).mood is Mood.PAUSED
    assert hearing(SessionChanged(status("s2")), state=state).mood is Mood.CONNECTED


def test_a_code_from_asking_to_the_answer() -> None:
    state = hearing(RelayChanged(CONNECTED))
    state.ask_for_help("the printer", 100.0)
    assert (state.help.stage, state.help.waiting) == (HelpStage.ASKED, True)
    hearing(CodeShown("482913507", 600.0), state=state)
    assert state.code_alive(699.0)
    assert not state.code_alive(700.0)
    hearing(HelpEnded("A technician has used the code.", True), state=state)
    assert (state.help.stage, state.help.code) == (HelpStage.USED, "")
    assert state.mood is Mood.WAITING
    hearing(ConsentAsked(1, asking(), 180.0), ConsentClosed(1, "It was answered."), state=state)
    assert state.help.stage is HelpStage.IDLE


def test_a_code_that_the_relay_takes_back_says_why_and_keeps_the_words() -> None:
    state = hearing(RelayChanged(CONNECTED))
    state.ask_for_help("the printer", 100.0)
    hearing(HelpEnded("The connection was lost\x07"), state=state)
    assert (state.help.stage, state.help.note, state.help.text) == (HelpStage.IDLE, "The connection was lost\\x07", "the printer")
    state.help_refused("no")
    assert state.help.note == "no"
    state.cancel_help()
    assert state.help.text == ""


def test_questions_wait_in_order_and_can_be_given_time() -> None:
    state = hearing(ConsentAsked(1, asking(), 180.0), ConsentAsked(2, asking(kind="confirm"), 60.0))
    assert [one.number for one in state.questions] == [1, 2]
    assert state.questions[1].countdown.whole == 180.0
    hearing(ConsentExtended(2, 180.0), state=state, now=200.0)
    assert state.questions[1].countdown.left(200.0) == 180.0
    state.drop_question(1)
    hearing(ConsentClosed(2, ""), state=state)
    assert state.questions == []
    assert isinstance(asking(), ConsentQuestion)


def test_chat_is_kept_by_session_and_ends_with_it() -> None:
    state = hearing(SessionChanged(status()), ChatHeard("s1", "Ana Ruiz", "hello\x1b", 1.0))
    state.said("s1", "hi", 1001.0)
    chat = state.conversation("s1")
    assert chat.lines == [ChatLine(False, "Ana Ruiz", "hello\\x1b", 1000.0), ChatLine(True, "", "hi", 1001.0)]
    assert state.unread == 1
    assert state.chatting == ["s1"]
    hearing(SessionOver("s1", "over"), state=state)
    assert chat.over
    assert state.sessions == {}
    assert state.conversation("unknown").name == ""


def test_technicians_who_hear_one_another_share_the_chat() -> None:
    shared = ("view", "chat", "colleagues")
    one, two, apart = status("s1", granted=shared), status("s2", granted=shared), status("s3")
    state = hearing(*(SessionChanged(session) for session in (one, two, apart)), ChatHeard("s1", "Ana Ruiz", "is it on?", 0.0))
    state.said("s2", "it is", 6.0)
    state.said("s3", "only for you", 7.0)
    for session in ("s1", "s2"):
        assert [(line.name, line.text) for line in state.conversation(session).lines] == [
            ("Ana Ruiz", "is it on?"),
            ("", "it is"),
        ]
    assert [line.text for line in state.conversation("s3").lines] == ["only for you"]
    assert (state.conversation("s1").unread, state.conversation("s2").unread) == (1, 0)


def test_a_long_chat_loses_its_oldest_lines() -> None:
    chat = Conversation("Ana")
    for number in range(MOST_CHAT_LINES + 5):
        chat.add(ChatLine(False, "Ana", str(number), 0.0))
    assert len(chat.lines) == MOST_CHAT_LINES
    assert chat.lines[0].text == "5"


def test_when_the_daemon_is_gone_nothing_it_told_holds() -> None:
    state = hearing(RelayChanged(CONNECTED), SessionChanged(status()), ConsentAsked(1, asking(), 180.0))
    state.conversation("s1")
    state.ask_for_help("x", 100.0)
    state.agent_gone("stopped")
    assert (state.mood, state.sessions, state.questions) == (Mood.OFFLINE, {}, [])
    assert state.conversation("s1").over
    assert state.help.note == "stopped"


def test_answers_are_nobodys_news() -> None:
    state = hearing(RelayChanged(CONNECTED))
    hearing(StatusReply(1, AgentStatus("d", "l", "o", 0.0, CONNECTED, [], None)), state=state)  # type: ignore[arg-type]
    assert state.mood is Mood.READY


def test_what_technicians_do_is_kept_while_their_session_lasts() -> None:
    read = ReceiptEvent(1.0, "clipboard read", {"kind": "text", "size": 3})
    state = hearing(Happened("s1", read))
    assert not state.happenings, "no such session is open"
    hearing(SessionChanged(status()), Happened("s1", read), Happened("s1", read), state=state)
    assert [(one.action, one.count) for one in state.happenings["s1"].kept] == [("clipboard_read", 2)]
    hearing(SessionOver("s1", "over"), state=state)
    assert not state.happenings
    hearing(SessionChanged(status()), Happened("s1", read), state=state)
    state.agent_gone("gone")
    assert not state.happenings, "the agent tells the last few again"
