"""An agent and a technician face to face in memory, with a tunnel that can be cut, bent or listened to."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal

from protocol.capabilities import Capability
from protocol.limits import LIMITS, Limits
from protocol.session import AgentSession, Event, SessionEnded, TechnicianSession
from tests.kit.organisation import Credentials, Organisation

Tap = Callable[[bytes], bytes]


class Conversation:
    """Two session machines and the bytes between them. `now` and `wall` move only when a test moves them."""

    def __init__(
        self,
        organisation: Organisation,
        device: Credentials | None = None,
        technician: Credentials | None = None,
        *,
        wanted: tuple[Capability, ...] = (Capability.VIEW, Capability.CONTROL, Capability.DIAGNOSTICS),
        limits: Limits = LIMITS,
        label: str = "Reception PC",
        expected_device: str | None = None,
        step: int = 4096,
        resume: str = "",
        after_restart: float = 0.0,
        call: Literal["", "look", "decline"] = "",
    ) -> None:
        self.now = 1000.0
        self.wall = organisation.wall
        self.step = step
        self.device = device or organisation.device(label)
        self.person = technician or organisation.technician()
        clock: dict[str, Any] = {"wall": lambda: self.wall, "limits": limits}
        self.agent = AgentSession(self.device.key, self.device.chain, organisation.root, label=label, **clock)
        self.technician = TechnicianSession(
            self.person.key,
            self.person.chain,
            organisation.root,
            expected_device=expected_device or self.device.peer,
            wanted=list(wanted),
            reason="the printer is on fire",
            resume=resume,
            after_restart=after_restart,
            call=call,
            **clock,
        )
        self.agent_events: list[Event] = []
        self.technician_events: list[Event] = []
        self.to_agent: Tap = lambda data: data
        self.to_technician: Tap = lambda data: data
        self.recorded = b""

    def run(self) -> "Conversation":
        """Carry bytes to and fro until both are silent."""
        while self._carry(self.technician, self.agent, self.to_agent) + self._carry(
            self.agent, self.technician, self.to_technician
        ):
            pass
        return self

    def _carry(self, source: AgentSession | TechnicianSession, target: AgentSession | TechnicianSession, tap: Tap) -> int:
        carried = 0
        while data := source.data_to_send():
            self.recorded += data
            data = tap(data)
            for at in range(0, len(data), self.step):
                target.receive_data(data[at : at + self.step], self.now)
            carried += len(data) or 1
        self.agent_events += self.agent.events()
        self.technician_events += self.technician.events()
        return carried

    def open(self, *granted: Capability, seconds: float = 3600.0) -> "Conversation":
        """Up to an open session with these capabilities granted."""
        self.run()
        self.agent.welcome(list(granted), seconds, "session-1", self.now)
        return self.run()

    def later(self, seconds: float) -> "Conversation":
        """Let time pass, deadlines included."""
        end = self.now + seconds
        while True:
            times = [
                time for time in (self.agent.next_deadline(), self.technician.next_deadline()) if time is not None and time <= end
            ]
            if not times:
                break
            self.now = max(self.now, min(times))
            self.agent.handle_deadline(self.now)
            self.technician.handle_deadline(self.now)
            self.run()
        self.wall += timedelta(seconds=seconds)
        self.now = end
        return self.run()

    def cut(self) -> "Conversation":
        """The tunnel breaks for both."""
        self.agent.receive_eof(self.now)
        self.technician.receive_eof(self.now)
        return self.run()

    def agent_ended(self) -> SessionEnded:
        """How it ended for the agent."""
        return next(event for event in self.agent_events if isinstance(event, SessionEnded))

    def technician_ended(self) -> SessionEnded:
        """How it ended for the technician."""
        return next(event for event in self.technician_events if isinstance(event, SessionEnded))

    def set_wall(self, wall: datetime) -> None:
        """Set both wall clocks."""
        self.wall = wall
