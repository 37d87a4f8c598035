"""An open session as it is remembered: while its tunnel is lost, and (where the user said so) over a restart."""

from collections.abc import Callable
from dataclasses import dataclass

from agent.opening import Opening
from agent.policy import SessionKind
from agent.recording import SessionRecord
from agent.restarting import RestartGrant
from agent.resuming import HeldSession
from agent.services import Services
from agent.status import SessionStatus
from protocol.capabilities import Capability
from protocol.certificates import Identity


@dataclass(frozen=True, slots=True)
class Standing:
    """What there is to remember. `grants` end at times of the event loop's clock; `opened_at` and `granted_until` are seconds
    since 1970."""

    id: str
    name: str
    tier: int
    identity: Identity
    opening: Opening
    grants: dict[Capability, float]
    paused: bool
    opened_at: float
    granted_until: float
    asked_for: str

    def status(self, organisation: str, *, recording: bool = False) -> SessionStatus:
        """As everybody who is attached sees it."""
        return SessionStatus(
            session=self.id,
            name=self.name,
            organisation=organisation,
            tier=self.tier,
            granted=[capability for capability in Capability if capability in self.grants],
            unattended=self.opening.kind is SessionKind.UNATTENDED,
            paused=self.paused,
            since=self.opened_at,
            until=self.granted_until,
            recording=recording,
        )

    def held(self, services: Services, close: Callable[[str], object], record: SessionRecord) -> HeldSession:
        """To wait without a tunnel."""
        return HeldSession(
            self.id,
            name=self.name,
            organisation=services.keys.organisation_name,
            tier=self.tier,
            technician_key=self.identity.fingerprint,
            own_key=services.keys.key.public.fingerprint,
            kind=self.opening.kind,
            grants=dict(self.grants),
            opened_at=self.opened_at,
            granted_until=self.granted_until,
            paused=self.paused,
            after_restart=self.opening.after_restart,
            asked_for=self.asked_for,
            close=close,
            record=record,
            keeper=services.keeper,
        )

    def survive(self, services: Services) -> None:
        """Where the user said so: write down what may go on after a restart, and that it is alive now."""
        restarts = services.restarts
        if restarts is None or not self.opening.after_restart:
            return
        if not self.grants:
            restarts.forget(self.id)
            return
        restarts.keep(
            RestartGrant(
                session=self.id,
                technician_key=self.identity.fingerprint.hex(),
                own_key=services.keys.key.public.fingerprint.hex(),
                name=self.name[:200],
                tier=self.tier,
                kind=self.opening.kind,
                granted=sorted(self.grants),
                paused=self.paused,
                asked_for=self.asked_for,
                opened_at=self.opened_at,
                granted_until=self.granted_until,
                window=self.opening.after_restart,
                alive_at=services.wall().timestamp(),
                boot=restarts.boot,
            )
        )
