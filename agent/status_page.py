"""`handrail-agent status` for people: the lines, in their language."""

from collections.abc import Iterator
from datetime import UTC, datetime

from agent.desktop.texts import Texts, clock
from agent.status import AgentStatus, SessionStatus
from protocol.printable import printable

WIDTH = 15
HOUR = 3600


def page(status: AgentStatus, now: float, texts: Texts) -> Iterator[str]:
    """The lines. `now`: seconds since 1970."""
    names = {"label": printable(status.label), "device": status.device, "organisation": printable(status.organisation)}
    yield _line(texts("status.computer"), texts("status.computer_is", **names))
    hint = f" {printable(texts.told(status.relay.hint))}" if status.relay.hint else ""
    state = texts(f"status.relay_{status.relay.state}")
    yield _line(texts("status.relay"), f"{state}: {printable(texts.told(status.relay.text))}{hint}")
    until = f"{datetime.fromtimestamp(status.certificate_until, UTC):%Y-%m-%d %H:%M}"
    valid = texts("status.certificate_until", until=until)
    yield _line(texts("status.certificate"), _with(valid, texts.told(status.certificate)))
    old = status.trust.age
    unit = "mm:ss" if old is None or old < HOUR else "h:mm:ss"
    age = texts("status.files_none") if old is None else texts("status.files_old", age=clock(old), unit=unit)
    files = texts("status.files_are", age=age, count=status.trust.technicians)
    yield _line(texts("status.files"), _with(files, texts.told(status.trust.problem)))
    if status.trust.release:
        yield _line(texts("status.release"), printable(status.trust.release))
    if status.audit:
        yield _line(texts("status.audit"), texts.told(status.audit))
    yield _line(texts("status.attended"), texts("status.attended_is", count=status.attached))
    for session in status.sessions:
        yield _session(session, now, texts)
    if not status.sessions:
        yield _line(texts("status.sessions"), texts("status.nobody"))


def _line(name: str, words: str) -> str:
    return f"{name + ':':<{WIDTH}}{words}"


def _with(words: str, problem: str) -> str:
    return f"{words}. {problem}" if problem else words


def _session(session: SessionStatus, now: float, texts: Texts) -> str:
    state = texts("status.unasked") if session.unattended else ""
    if session.paused:
        state += texts("status.paused")
    if session.waiting_until:
        state += texts("status.lost", time=clock(session.waiting_until - now))
    return texts(
        "status.session",
        session=session.session,
        name=session.name,
        tier=session.tier,
        granted=", ".join(session.granted),
        state=state,
        time=clock(now - session.since),
    )
