"""The sentences about sessions."""

from agent.desktop.session_model import headline, line_of, why_offline
from agent.desktop.state import DesktopState, Help, HelpStage
from agent.desktop.texts import Texts
from agent.status import RelayStatus, SessionStatus
from tests.kit.desk import AWAY, CONNECTED


def session(**changes: object) -> SessionStatus:
    values: dict[str, object] = {"granted": ["view", "control"], "unattended": False, "paused": False, **changes}
    return SessionStatus("s1", "Ana\u202e Ruiz", "Example Ltd", 2, since=100.0, until=5000.0, **values)  # type: ignore[arg-type]


def test_a_session_says_who_what_and_how_long(texts: Texts) -> None:
    line = line_of(session(), texts, 175.0)
    assert line.title == "Ana\\u202e Ruiz of Example Ltd is connected"
    assert line.text == "They can see your screen and use your mouse and keyboard."
    assert (line.elapsed, line.held, line.waiting, line.chat) == ("1:15", False, False, False)


def test_what_holds_it_back_comes_first(texts: Texts) -> None:
    assert line_of(session(paused=True), texts, 0.0).text.startswith("Paused")
    waiting = line_of(session(waiting_until=160.0), texts, 100.0)
    assert "within 1:00" in waiting.text
    assert waiting.waiting
    assert line_of(session(granted=[]), texts, 0.0).text == "They can do nothing at the moment."
    assert line_of(session(unattended=True), texts, 0.0).text.endswith("policy allows it.")


def test_the_headline_follows_the_mood(texts: Texts) -> None:
    state = DesktopState()
    state.agent_gone("the agent fell over.")
    assert headline(state, texts) == "Not available: the agent fell over."
    state.agent_here()
    assert why_offline(state, texts) == "the agent is starting."
    state.relay = AWAY
    assert "tried again by itself" in headline(state, texts)
    state.relay = RelayStatus("u", "odd", 0.0, "Something\x07 new.")  # type: ignore[arg-type]
    assert why_offline(state, texts) == "Something\\x07 new."
    state.relay = CONNECTED
    assert headline(state, texts).startswith("Ready")
    state.ask_for_help("x", 0.0)
    assert headline(state, texts) == "Waiting for a technician."
    state.help = Help(HelpStage.USED)
    assert headline(state, texts) == "A technician is about to connect."
    state.sessions = {"s1": session(granted=["chat"])}
    assert headline(state, texts) == "Ana\\u202e Ruiz is connected to this computer."
    state.sessions = {"s1": session(paused=True)}
    assert headline(state, texts).startswith("Paused")
