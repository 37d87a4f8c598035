"""Sessions that lost their tunnel and may go on: kept for a bounded time, visible, and ended by the person here at any moment.

Who may go on is decided by this agent's own record and the keys of both certificates alone. Nothing is asked again, nothing
is widened: each grant keeps the end it had, and policy decides about it anew when the session comes back.
"""

import asyncio
import hmac
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from agent.errors import LocalRefused
from agent.keeping import Keeper
from agent.policy import SessionKind
from agent.recording import SessionRecord
from agent.status import SessionStatus, StatusBoard
from hostio.tasks import Alarm
from protocol.capabilities import Capability
from protocol.certificates import Identity

_LOGGER = logging.getLogger(__name__)
GIVEN_UP = "the connection was lost and did not come back in time"


@dataclass(slots=True)
class HeldSession:
    """A session without a tunnel. `grants` end at times of the event loop's clock; `own_key` and `technician_key` are SHA-256 of
    the SPKI of the two session keys; `granted_until` and `opened_at` are seconds since 1970; `close` records why it is over and
    tells whoever is attached. `restarted`: it was begun before this computer restarted, and goes on under a new id."""

    id: str
    name: str
    organisation: str
    tier: int
    technician_key: bytes
    own_key: bytes
    kind: SessionKind
    grants: dict[Capability, float]
    opened_at: float
    granted_until: float
    paused: bool
    after_restart: float
    asked_for: str
    close: Callable[[str], object]
    record: SessionRecord | None = None
    restarted: bool = False
    wait_until: float = 0.0
    lost_at: float = 0.0
    keeper: Keeper | None = None
    room: "WaitingRoom | None" = field(default=None, repr=False)

    def belongs_to(self, identity: Identity, own_key: bytes) -> bool:
        """Whether these are the two keys between which it was opened."""
        return hmac.compare_digest(self.technician_key, identity.fingerprint) and hmac.compare_digest(self.own_key, own_key)

    def status(self) -> SessionStatus:
        """As the person here sees it."""
        return SessionStatus(
            session=self.id,
            name=self.name,
            organisation=self.organisation,
            tier=self.tier,
            granted=[capability for capability in Capability if capability in self.grants],
            unattended=self.kind is SessionKind.UNATTENDED,
            paused=self.paused,
            since=self.opened_at,
            until=self.granted_until,
            waiting_until=self.wait_until,
        )

    # -- what the person here can do with it: the same as with an open session ----------------------------------------

    def end(self, reason: str) -> None:
        """It does not go on."""
        if self.room is not None:
            self.room.drop(self)
        self.close(reason)

    def pause(self, paused: bool) -> None:
        """It comes back held, or not."""
        self.paused = paused
        if self.room is not None:
            self.room.show(self)

    def revoke(self, capability: Capability, by: str) -> None:
        """It comes back without this capability; without any it does not come back."""
        if self.grants.pop(capability, None) is None:
            return
        if self.record is not None:
            self.record.write_anyway("capability revoked", {"capability": capability.value, "by": by})
        if self.keeper is not None:
            self.keeper.retain(self.id, self.grants)
        if not self.grants:
            self.end(f"nothing is granted any more (by {by})")
        elif self.room is not None:
            self.room.show(self)

    @property
    def shares_chat(self) -> bool:
        """Nobody hears anything."""
        return False

    def say(self, text: str) -> None:  # noqa: ARG002 - nobody hears it
        """Nobody would hear it.

        Raises:
            LocalRefused: always.
        """
        raise LocalRefused("The connection to the technician is lost; nobody would hear it. Wait until they are back.")


class LiveSession(Protocol):
    """What the room needs of an open session."""

    @property
    def id(self) -> str:
        """Its id."""

    def is_between(self, identity: Identity, own_key: bytes) -> bool:
        """Whether it was opened between these two keys."""

    async def give_way(self) -> None:
        """Lose the tunnel as if it had been cut, and wait until that is done."""


class WaitingRoom:
    """All sessions that wait. Event loop only."""

    def __init__(
        self,
        *,
        seconds: float,
        board: StatusBoard,
        wall: Callable[[], datetime],
        live: Callable[[], Iterable[LiveSession]] = tuple,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Args: seconds: the longest that a session waits. live: the sessions that have a tunnel. changed: called when one begins
        to wait or waits no longer."""
        self._seconds = seconds
        self._board = board
        self._wall = wall
        self._live = live
        self._changed = changed
        self._held: dict[str, HeldSession] = {}
        self._alarms: dict[str, Alarm] = {}

    @property
    def sessions(self) -> list[HeldSession]:
        """Those that wait, oldest first."""
        return list(self._held.values())

    def hold(self, held: HeldSession, seconds: float | None = None) -> None:
        """Let a session wait: at most `seconds` (None: what was set), and no longer than its grants last."""
        now, wall = asyncio.get_running_loop().time(), self._wall().timestamp()
        left = min(self._seconds if seconds is None else seconds, max(held.grants.values(), default=now) - now)
        if left <= 0:
            self._board.drop_session(held.id)
            held.close(GIVEN_UP)
            return
        held.room, held.wait_until, held.lost_at = self, wall + left, wall
        self._held[held.id] = held
        alarm = self._alarms[held.id] = Alarm(lambda: held.end(GIVEN_UP))
        alarm.set(now + left)
        _LOGGER.info("session %s of %s lost its connection; it waits %.0f s", held.id, held.name, left)
        self.show(held)

    def show(self, held: HeldSession) -> None:
        """Tell everybody who is attached."""
        self._board.set_session(held.status())
        self._changed()

    def drop(self, held: HeldSession) -> None:
        """It waits no longer."""
        if self._take_out(held):
            self._changed()

    def _take_out(self, held: HeldSession) -> bool:
        held.room = None
        if self._held.pop(held.id, None) is None:
            return False
        self._alarms.pop(held.id).set(None)
        self._board.drop_session(held.id)
        return True

    async def reclaim(self, session: str, identity: Identity, own_key: bytes) -> HeldSession | None:
        """The session of that id, if it was opened between these two keys and still waits; it then waits no longer.

        One whose cut was not noticed here yet is made to give way first: whoever holds its key has come by another tunnel."""
        for one in list(self._live()):
            if one.id == session and one.is_between(identity, own_key):
                await one.give_way()
        held = self._held.get(session)
        if held is None or not held.belongs_to(identity, own_key):
            return None
        now, wall = asyncio.get_running_loop().time(), self._wall().timestamp()
        held.grants = {capability: until for capability, until in held.grants.items() if until > now}
        # The loop's clock stands still while a computer sleeps; the wall clock does not.
        if not held.grants or wall >= min(held.wait_until, held.granted_until):
            held.end(GIVEN_UP)
            return None
        self._take_out(held)  # who is here is told again once it goes on, or does not
        return held

    def close(self, reason: str) -> None:
        """End all of them."""
        for held in self.sessions:
            held.end(reason)
