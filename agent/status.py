"""What the daemon is doing, as data: shown by `handrail-agent status` and sent to whoever is attached.

`StatusBoard` is the one place that knows; the parts of the daemon write to it, and every change is handed to its listeners.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from agent.receipts import ReceiptEvent

MOST_EVENTS: Final = 20
"""So many of a session's newest records are told to a program that attaches later."""
RelayState = Literal["connecting", "connected", "away", "refused", "stopped"]


class RelayStatus(msgspec.Struct, frozen=True):
    """The way to the relay. `since` is seconds since 1970; `retry_at` likewise, None while connected; `text` is one sentence;
    `hint` is a sentence about this computer's clock when the relay's differs much (unverified), else ""."""

    url: str
    state: RelayState
    since: float
    text: str
    retry_at: float | None = None
    hint: str = ""


class SessionStatus(msgspec.Struct, frozen=True):
    """One session as the person at this machine should see it. `until` is when what was granted runs out (seconds since 1970);
    `waiting_until`: the connection is lost, and the session waits until then to go on (0: it is connected);
    `recording`: the technician records it."""

    session: str
    name: str
    organisation: str
    tier: int
    granted: list[str]
    unattended: bool
    paused: bool
    since: float
    until: float
    waiting_until: float = 0.0
    recording: bool = False


class SessionEvent(msgspec.Struct, frozen=True):
    """What has just been written into the record of an open session; its receipt will have the same."""

    session: str
    event: ReceiptEvent


Told = RelayStatus | SessionStatus | SessionEvent


class TrustStatus(msgspec.Struct, frozen=True):
    """The organisation's signed files. `age` in seconds, None when none was ever received; `problem` is a sentence or "", and
    so is `release`: a newer release of the agent that is ready here."""

    age: float | None = None
    technicians: int = 0
    problem: str = ""
    release: str = ""


class AgentStatus(msgspec.Struct, frozen=True):
    """Everything in one piece, as `status --json` prints it. `certificate_until` is seconds since 1970; `audit` and `certificate`
    are sentences about what is wrong with them, or ""."""

    device: str
    label: str
    organisation: str
    certificate_until: float
    relay: RelayStatus
    sessions: list[SessionStatus]
    trust: TrustStatus
    audit: str = ""
    certificate: str = ""
    attached: int = 0


class StatusBoard:
    """Keeps the parts of the status and tells listeners when one changes."""

    def __init__(self, *, device: str, label: str, organisation: str, certificate_until: float, relay: RelayStatus) -> None:
        self._device = device
        self._label = label
        self._organisation = organisation
        self.certificate_until = certificate_until
        self._relay = relay
        self._trust = TrustStatus()
        self._sessions: dict[str, SessionStatus] = {}
        self._events: dict[str, deque[ReceiptEvent]] = {}
        self._audit = ""
        self._certificate = ""
        self.attached = 0
        self._listeners: list[Callable[[Told], None]] = []

    def listen(self, listener: Callable[[Told], None]) -> None:
        """Have `listener` called with every relay or session status that changes, and with every event of a session."""
        self._listeners.append(listener)

    @property
    def relay(self) -> RelayStatus:
        """The way to the relay, as last reported."""
        return self._relay

    @property
    def trust(self) -> TrustStatus:
        """The signed files, as last looked at."""
        return self._trust

    @property
    def sessions(self) -> list[SessionStatus]:
        """Every open session."""
        return list(self._sessions.values())

    def set_relay(self, relay: RelayStatus) -> None:
        """The way to the relay has changed."""
        self._relay = relay
        self._tell(relay)

    def set_trust(self, trust: TrustStatus) -> None:
        """The signed files were looked at."""
        self._trust = trust

    def set_audit(self, problem: str) -> None:
        """`problem` is why the audit chain cannot be written, or ""."""
        self._audit = problem

    def set_certificate(self, problem: str, until: float) -> None:
        """The device's certificate was looked at: `problem` is a sentence or ""."""
        self._certificate = problem
        self.certificate_until = until

    def set_session(self, session: SessionStatus) -> None:
        """A session has opened or changed."""
        self._sessions[session.session] = session
        self._tell(session)

    def drop_session(self, session: str) -> None:
        """A session has ended."""
        self._sessions.pop(session, None)
        self._events.pop(session, None)

    def note(self, session: str, event: ReceiptEvent) -> None:
        """`event` was written into the record of `session`; of one that is not open nothing is told."""
        if session in self._sessions:
            self._events.setdefault(session, deque(maxlen=MOST_EVENTS)).append(event)
            self._tell(SessionEvent(session, event))

    def events(self, session: str) -> list[ReceiptEvent]:
        """The newest events of an open session, oldest first."""
        return list(self._events.get(session, ()))

    def snapshot(self) -> AgentStatus:
        """All of it, now."""
        return AgentStatus(
            self._device,
            self._label,
            self._organisation,
            self.certificate_until,
            self._relay,
            self.sessions,
            self._trust,
            self._audit,
            self._certificate,
            self.attached,
        )

    def _tell(self, told: Told) -> None:
        for listener in self._listeners:
            listener(told)
