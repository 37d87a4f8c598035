"""A guest and a technician face to face in memory, and somebody in between who carries plaintext from one channel to another."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.features.base import Feature
from agent.guest import GuestCode
from agent.session import AssistedSession
from protocol.capabilities import Capability
from protocol.channel import ChannelEnded, DataReceived, SealedChannel
from protocol.codes import Code
from protocol.errors import HandrailError
from protocol.session import AgentSession, TechnicianSession
from tests.kit.assisted import Assistance, Device, MemoryTunnel
from tests.kit.conversation import Conversation
from tests.kit.organisation import Credentials, Organisation

SECRET = "ABCDEFGH"
WANTED = (Capability.VIEW, Capability.CONTROL)


def guest_session(organisation: Organisation, guest: Credentials, secret: str = SECRET, text: str = "") -> AgentSession:
    """The guest's end."""
    return AgentSession(
        guest.key,
        guest.chain,
        organisation.root,
        label=f"Guest {guest.peer[:6]}",
        wall=lambda: organisation.wall,
        guest_secret=secret,
        guest_text=text,
    )


def technician_session(organisation: Organisation, person: Credentials, secret: str = SECRET) -> TechnicianSession:
    """The technician's end."""
    return TechnicianSession(
        person.key,
        person.chain,
        organisation.root,
        expected_device=None,
        wanted=list(WANTED),
        reason="you asked for help",
        wall=lambda: organisation.wall,
        guest_secret=secret,
    )


class GuestConversation(Conversation):
    """`Conversation` with a guest. `typed` is what the technician typed of the secret half."""

    def __init__(
        self,
        organisation: Organisation,
        *,
        secret: str = SECRET,
        typed: str = SECRET,
        guest: Credentials | None = None,
        technician: Credentials | None = None,
        text: str = "",
    ) -> None:
        guest = guest or organisation.guest()
        super().__init__(organisation, technician=technician)
        self.device = guest
        self.agent = guest_session(organisation, guest, secret, text)
        self.technician = technician_session(organisation, self.person, typed)


class Pipe:
    """In the middle, with a channel of its own to each side: towards the technician it is a guest with a key of its own, towards
    the guest a technician of the organisation (a colleague who works with the relay). What one side says it passes on."""

    def __init__(self, organisation: Organisation, technician: TechnicianSession, guest: AgentSession) -> None:
        self.now = 1000.0
        self.technician, self.guest = technician, guest
        mine, colleague = organisation.guest(), organisation.technician("Eve")
        self.towards_technician = SealedChannel.agent(mine.key, mine.chain, root_der=organisation.root, wall=organisation.wall)
        self.towards_guest = SealedChannel.technician(
            colleague.key, colleague.chain, root_der=organisation.root, wall=organisation.wall, guest=True
        )
        self.heard = b""
        self._waiting: dict[int, bytes] = {}

    def run(self) -> "Pipe":
        """Until nobody says anything more."""
        while self._step():
            pass
        return self

    def _step(self) -> int:
        moved = 0
        for machine, channel in ((self.technician, self.towards_technician), (self.guest, self.towards_guest)):
            while data := machine.data_to_send():
                moved += len(data)
                self._give(channel, data)
            data = channel.data_to_send()
            if data:
                moved += len(data)
                machine.receive_data(data, self.now)
        for source, target in (
            (self.towards_technician, self.towards_guest),
            (self.towards_guest, self.towards_technician),
        ):
            for event in source.events():
                match event:
                    case DataReceived(data=plain):
                        self.heard += plain
                        self._waiting[id(target)] = self._waiting.get(id(target), b"") + plain
                    case ChannelEnded():
                        target.close()
                    case _:
                        pass
            waiting = self._waiting.get(id(target), b"")
            if waiting and target.peer is not None and not target.ended:
                target.send(waiting)
                self._waiting[id(target)] = b""
                moved += len(waiting)
        return moved

    def _give(self, channel: SealedChannel, data: bytes) -> None:
        try:
            channel.receive_data(data, self.now)
        except HandrailError:
            channel.close()


class AssistedGuest(Assistance):
    """`Assistance` for a device that is not enrolled. Each tunnel uses up the code that stands, as the daemon does; `typed` is
    what the technician typed of the secret half ("": the right one)."""

    code: Code

    def __init__(self, tmp_path: Path, features: tuple[type[Feature], ...], *, typed: str = "", **named: Any) -> None:
        self.typed = typed
        super().__init__(tmp_path, features, by_code=True, **named)

    def _meet(self, person: Credentials, *, by_code: bool = True, resume: str = "", after_restart: float = 0.0) -> None:
        if self.services.guest is None:
            known = self.organisation.guest()
            self.device = Device(self.organisation, known, label=f"Guest {known.peer[:6]}", group="guest")
            guest = GuestCode(secrets.token_bytes)
            guest.text = "the printer is on fire"
            self.services = replace(self.services, keys=self.device, guest=guest)
            self.code = guest.make("482913507", 600.0)
        assert self.services.guest is not None
        self.tunnel = MemoryTunnel()
        self.tunnel.deliver = self._to_technician
        self.session = AssistedSession(
            self.services,
            self.tunnel,  # type: ignore[arg-type]
            by_code=by_code,
            guest_secret=self.services.guest.take(),
        )
        self.technician = TechnicianSession(
            person.key,
            person.chain,
            self.organisation.root,
            expected_device=None,
            wanted=list(self._wanted),
            reason="you asked for help",
            wall=lambda: datetime.now(UTC),
            limits=self.services.limits,
            guest_secret=self.typed or self.code.secret,
        )
