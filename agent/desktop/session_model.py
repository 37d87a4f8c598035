"""What the banner, the tray and the small window say of sessions: no Qt here."""

from dataclasses import dataclass

from agent.desktop.state import DesktopState, HelpStage, Mood
from agent.desktop.texts import Texts, clock
from agent.status import SessionStatus
from protocol.printable import printable


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One session in words. `held`: nothing gets through now; `waiting`: its connection is lost and may come back;
    `recording`: they record it."""

    session: str
    title: str
    text: str
    elapsed: str
    held: bool
    waiting: bool
    chat: bool
    pointing: bool = False
    recording: bool = False


def line_of(session: SessionStatus, texts: Texts, wall: float) -> SessionLine:
    """The words of one session; `wall` is seconds since 1970."""
    may = [texts.may(name) for name in session.granted]
    if session.waiting_until:
        text = texts("banner.waiting", left=clock(session.waiting_until - wall))
    elif session.paused:
        text = texts("banner.paused")
    elif may:
        text = texts("banner.may", words=texts.listing(may))
    else:
        text = texts("banner.may_nothing")
    if session.recording:
        text = f"{texts('banner.recording')} {text}"
    if session.unattended:
        text = f"{text} {texts('banner.unattended')}"
    return SessionLine(
        session=session.session,
        title=texts("banner.who", name=printable(session.name), organisation=printable(session.organisation)),
        text=text,
        elapsed=clock(wall - session.since),
        held=session.paused,
        waiting=bool(session.waiting_until),
        chat="chat" in session.granted,
        pointing="pointer" in session.granted,
        recording=session.recording,
    )


def headline(state: DesktopState, texts: Texts) -> str:
    """The one sentence of the tray icon and the small window."""
    mood = state.mood
    if mood in (Mood.CONNECTED, Mood.PAUSED):
        names = texts.listing([printable(session.name) for session in state.sessions.values()])
        return texts(f"mood.{mood}", name=names)
    if mood is Mood.OFFLINE:
        return texts("mood.offline", why=why_offline(state, texts))
    if mood is Mood.WAITING and state.help.stage is HelpStage.USED:
        return texts("mood.coming")
    return texts(f"mood.{mood}")


def why_offline(state: DesktopState, texts: Texts) -> str:
    """Why nobody can be reached, in a sentence."""
    if not state.agent_up:
        return state.agent_note or texts("offline.no_agent")
    if state.relay is None:
        return texts("offline.starting")
    key = f"offline.{state.relay.state}"
    return texts(key) if texts.has(key) else printable(state.relay.text)
