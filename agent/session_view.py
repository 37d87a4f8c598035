"""What the features of a session see of it, and all that they can do to it."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from agent.company import Membership
from agent.consent import Outcome
from agent.features.base import Question
from agent.held_back import HeldBack
from agent.keeping import KeptOfSession
from agent.local_messages import ChatHeard, Drawing, PointerMoved
from agent.opening import Gate
from agent.policy import ACTS_ON_THE_DESKTOP, SessionKind
from agent.recording import SessionRecord
from agent.services import Services
from agent.settings import AgentSettings
from agent.transport import Relay
from agent.trust import TrustStore
from protocol.agent_session import HARMLESS_TYPES_WHILE_PAUSED, HARMLESS_WHILE_PAUSED
from protocol.capabilities import Capability
from protocol.certificates import Identity
from protocol.documents import GroupPolicy
from protocol.errors import LocalProtocolError, RefusalReason
from protocol.messages import Lane, Message, rule_of
from protocol.messages.screen import ScreenState
from protocol.printable import printable
from protocol.session import AgentSession, SessionState

REFUSAL_SECONDS: Final = 1.0
_LOGGER = logging.getLogger(__name__)


class SessionView:
    """An open session from the inside; the meaning of each part is that of `agent.features.base.FeatureContext`."""

    def __init__(
        self,
        session: str,
        machine: AgentSession,
        services: Services,
        gate: Gate,
        record: SessionRecord,
        *,
        kind: SessionKind,
        wake: Callable[[], None],
        show: Callable[[], None],
        revoke: Callable[[Capability, str], None],
        comes_back: float = 0.0,
    ) -> None:
        """Args: wake: called when the machine has something to send. show: called when what people are shown has changed.
        revoke: takes a capability away; the text says by whom.
        comes_back: within how many seconds after a restart it may be resumed once."""
        self._session = session
        self._machine = machine
        self._services = services
        self._gate = gate
        self._record = record
        self._kind = kind
        self._wake = wake
        self._show = show
        self._revoke = revoke
        self.membership = Membership(services.company, self)
        self._comes_back = comes_back
        self.recording = False
        self._loop = asyncio.get_running_loop()
        self._refused_at: dict[str, float] = {}
        self._held_back = HeldBack()

    @property
    def identity(self) -> Identity:
        """The technician, as certified."""
        return self._gate.identity

    @property
    def tier(self) -> int:
        """The lower of the certified and the listed tier."""
        return self._gate.technician.tier

    @property
    def label(self) -> str:
        """This machine's certified label."""
        return self._services.keys.label

    @property
    def unattended(self) -> bool:
        """Whether policy opened this session."""
        return self._kind is SessionKind.UNATTENDED

    @property
    def round_trip(self) -> float | None:
        """Seconds to the technician and back."""
        return self._machine.round_trip

    @property
    def settings(self) -> AgentSettings:
        """The agent's settings."""
        return self._services.settings

    @property
    def trust(self) -> TrustStore:
        """The organisation's signed files."""
        return self._services.trust

    @property
    def rules(self) -> GroupPolicy:
        """The signed policy for this device's group."""
        return self._gate.rules

    @property
    def kept(self) -> KeptOfSession:
        """What outlives a cut of this session's connection."""
        return self._services.keeper.of(self._session)

    @property
    def session_id(self) -> str:
        """The id of this session, as in audit and receipt."""
        return self._session

    @property
    def relay(self) -> Relay | None:
        """The relay this agent belongs to."""
        return self._services.relay

    def send(self, message: Message) -> None:
        """Queue a message; after the end it is dropped. While everything is held, only chat and what the screen says of itself
        leaves; the rest waits, so that nothing which was begun before tells the technician anything meanwhile."""
        if self._machine.paused and not self._leaves_while_held(message):
            self._hold_back(message)
            return
        try:
            self._machine.send_message(message, self._loop.time())
        except LocalProtocolError:
            if self._machine.state is SessionState.OPEN:
                raise
            return
        self._wake()

    def let_out(self) -> None:
        """Send what waited, unless everything is still held."""
        while not self._machine.paused and (message := self._held_back.take()) is not None:
            self.send(message)

    def lost(self, capability: Capability) -> None:
        """It is gone, and with it what was read by its leave and waits for the end of a pause."""
        self._held_back.lost(capability)

    def _leaves_while_held(self, message: Message) -> bool:
        rule = rule_of(message)
        return rule.tag.startswith("session.") or rule.capability in HARMLESS_WHILE_PAUSED or isinstance(message, ScreenState)

    def _hold_back(self, message: Message) -> None:
        if rule_of(message).lane is Lane.SCREEN:
            return  # the picture begins anew when the pause is over
        if not self._held_back.add(message):
            _LOGGER.warning("session %s: too much was said during a pause; %s is lost", self._session, rule_of(message).tag)

    def refuse(self, message: Message, reason: RefusalReason, text: str) -> None:
        """Answer a message with a `Refusal`."""
        if self._machine.state is SessionState.OPEN:
            rule, request = rule_of(message), getattr(message, "request", 0)
            self._machine.refuse(request, rule.tag, reason, text, self._loop.time(), capability=rule.capability)
            self._wake()

    def refuse_sparingly(self, message: Message, reason: RefusalReason, text: str) -> None:
        """At most one refusal a second of a type that carries no request id: a moving mouse must not fill the way back."""
        tag, now = rule_of(message).tag, self._loop.time()
        if getattr(message, "request", None) is None and now - self._refused_at.get(tag, -REFUSAL_SECONDS) < REFUSAL_SECONDS:
            return
        self._refused_at[tag] = now
        self.refuse(message, reason, text)

    def granted(self, capability: Capability) -> bool:
        """Granted, and nothing holds it back."""
        if capability not in self._machine.granted or self._machine.paused:
            return False
        return not (capability in ACTS_ON_THE_DESKTOP and self._gate.holds_back)

    def admits(self, message: Message) -> bool:
        """Whether a message that waited for its feature may still be acted on."""
        capability = rule_of(message).capability
        if self._machine.state is not SessionState.OPEN:
            return False
        if capability is None or isinstance(message, HARMLESS_TYPES_WHILE_PAUSED) or capability in HARMLESS_WHILE_PAUSED:
            return capability is None or capability in self._machine.granted
        return self.granted(capability)

    def pending(self, lane: Lane) -> int:
        """Bytes of a lane that are not sealed yet; what waits for the end of a pause counts as large."""
        return self._machine.pending(lane) + self._held_back.pending(lane)

    def audit(self, action: str, detail: dict[str, str | int | bool]) -> None:
        """One record of a feature's."""
        self._record.write(action, detail)

    def show_chat(self, text: str, sent_at: float) -> bool:
        """Show one line to whoever is attached, and to the other technicians as far as they are told of one another."""
        self._services.announce(ChatHeard(self._session, self.name, text, sent_at))
        shared = self._services.company.share_chat(self, text, sent_at)
        return shared or self._services.broker.attached > 0

    def show_drawing(self, drawing: Drawing) -> bool:
        """Show it on the screen here, under the technician's certified name."""
        if isinstance(drawing, PointerMoved):
            drawing = msgspec.structs.replace(drawing, name=self.name)
        return self._services.draw(msgspec.structs.replace(drawing, session=self._session))

    @property
    def comes_back(self) -> float:
        """Seconds after a restart within which the session may be resumed once."""
        return self._comes_back

    def show_recording(self, on: bool) -> None:
        """Tell everybody who is attached."""
        if on is not self.recording:
            self.recording = on
            self._show()

    async def ask_user(self, question: Question) -> bool:
        """Yes or no, from the person here."""
        answer = await self._services.broker.ask(self._gate.confirm(question))
        return answer.outcome is Outcome.ANSWERED and answer.yes

    # -- among other technicians (`agent.company.Member`) -------------------------------------------------------------

    @property
    def name(self) -> str:
        """The technician's certified name, printable."""
        return printable(self._gate.identity.display_name)

    @property
    def peer(self) -> str:
        """The technician's certified id."""
        return self._gate.identity.peer

    def listed_name(self, peer: str) -> str:
        """What the signed list calls the technician of this id; "" when it does not know one."""
        listed = self._services.trust.technicians()
        known = [] if listed is None or not peer else [entry.name for entry in listed.technicians if entry.peer == peer]
        return printable(known[0]) if known else ""

    @property
    def unwatched(self) -> bool:
        """Policy opened it, and nobody who could be asked is there."""
        return self.unattended and not self._services.broker.attached

    @property
    def holding(self) -> frozenset[Capability]:
        """What the technician may do now, pauses aside; nothing once the session is over."""
        return self._machine.granted if self._machine.state is SessionState.OPEN else frozenset()

    def refuse_request(self, kind: type[Message], request: int, reason: RefusalReason, text: str) -> None:
        """Answer an earlier request with a `Refusal`."""
        if self._machine.state is SessionState.OPEN:
            tag = kind.__struct_config__.tag
            assert isinstance(tag, str)
            self._machine.refuse(request, tag, reason, text, self._loop.time(), capability=kind.CAPABILITY)
            self._wake()

    def may_take(self, capability: Capability) -> float:
        """For how many seconds policy would let this technician have what another one has now; raises `Refused`."""
        return self._gate.take_over(capability, self._kind)

    def give(self, capability: Capability, seconds: float) -> None:
        """Grant it unasked: it was somebody else's, who let go."""
        self._machine.grant(capability, 0, seconds, self._loop.time())
        self._show()
        self._wake()

    def take(self, capability: Capability, by: str) -> None:
        """Take it away, and let go of what it holds."""
        self._revoke(capability, by)
