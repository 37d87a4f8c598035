"""The daemon's side of the local socket without a relay: the real broker, board, desk and server, and sessions that only note."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agent.allowed import AllowedHere, ApprovedFix, ListedTechnician
from agent.consent import ConsentBroker, ConsentQuestion, wishes_for
from agent.front_desk import FrontDesk
from agent.local import LocalServer
from agent.status import RelayStatus, SessionStatus, StatusBoard
from hostio.errors import RelayUnreachable
from protocol.capabilities import Capability
from protocol.link_messages import LinkMessage

CONNECTED = RelayStatus("https://relay.example", "connected", 0.0, "Logged in.")
AWAY = RelayStatus("https://relay.example", "away", 0.0, "The relay cannot be reached: no route to host.")
AWAY_NOW = "The relay https://relay.example cannot be reached at this moment; it is being dialled again."
RULES = AllowedHere(
    "Example Ltd",
    "front",
    3600.0,
    listed=1,
    technicians=[ListedTechnician("Ana Ruiz", 2)],
    on_request=[Capability.VIEW, Capability.CHAT],
    unattended=[Capability.DIAGNOSTICS],
    grant_seconds=8 * 3600.0,
    fixes=[ApprovedFix("free-disk-space", "7", "Free disk space", "always", False)],
)
WANTED = [
    Capability.VIEW,
    Capability.CHAT,
    Capability.DIAGNOSTICS,
    Capability.CONTROL,
    Capability.FIXES,
]


class NotedSession:
    """What the person's requests do to a session."""

    shares_chat = False

    def __init__(self, number: str) -> None:
        self.id = number
        self.done: list[tuple[str, object]] = []

    def end(self, reason: str) -> None:
        self.done.append(("end", reason))

    def pause(self, paused: bool) -> None:
        self.done.append(("pause", paused))

    def revoke(self, capability: Capability, by: str) -> None:
        self.done.append(("revoke", capability))

    def say(self, text: str) -> None:
        self.done.append(("say", text))


class Desk:
    """One daemon as its local programs see it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.broker = ConsentBroker()
        self.board = StatusBoard(
            device="d1", label="Reception PC", organisation="Example Ltd", certificate_until=0.0, relay=CONNECTED
        )
        self.sessions: list[NotedSession] = []
        self.sent: list[LinkMessage] = []
        self.away = False
        self.desk = FrontDesk(
            self.broker,
            self.board,
            sessions=lambda: self.sessions,  # type: ignore[arg-type, return-value]
            send=self._send,
            allowed=lambda: RULES,
        )

    def _send(self, message: LinkMessage) -> None:
        if self.away:
            raise RelayUnreachable(AWAY_NOW)
        self.sent.append(message)

    def show(self, session: SessionStatus) -> NotedSession:
        """A session that is open; changed when there is one of this id."""
        noted = next((one for one in self.sessions if one.id == session.session), None)
        if noted is None:
            noted = NotedSession(session.session)
            self.sessions.append(noted)
        self.board.set_session(session)
        return noted


def asking(**changes: object) -> ConsentQuestion:
    """A technician who wants to connect."""
    values: dict[str, object] = {
        "kind": "session",
        "name": "Ana Ruiz",
        "organisation": "Example Ltd",
        "tier": 2,
        "reason": "The printer on the second floor does not print",
        "wishes": wishes_for(WANTED),
        "seconds": 180.0,
        **changes,
    }
    return ConsentQuestion(**values)  # type: ignore[arg-type]


@asynccontextmanager
async def serving_desk(home: Path) -> AsyncIterator[Desk]:
    """Listens on `home`/agent.sock."""
    desk = Desk(home)
    async with LocalServer(home / "agent.sock", desk.desk).serving():
        yield desk
