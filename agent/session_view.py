"""What the features of a session see of it, and all that they can do to it."""

import asyncio
from collections.abc import Callable

from agent.consent import Outcome
from agent.features.base import Question
from agent.local_messages import ChatHeard
from agent.opening import Gate
from agent.policy import ACTS_ON_THE_DESKTOP, SessionKind
from agent.printable import printable
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
from protocol.session import AgentSession, SessionState

REFUSAL_SECONDS = 1.0


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
    ) -> None:
        """Args: wake: called when the machine has something to send. show: called when what people are shown has changed.
        comes_back: within how many seconds after a restart it may be resumed once."""
        self._session = session
        self._machine = machine
        self._services = services
        self._gate = gate
        self._record = record
        show: Callable[[], None],
        comes_back: float = 0.0,
        self._kind = kind
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._refused_at: dict[str, float] = {}

    @property
    def identity(self) -> Identity:
        """The technician, as certified."""
        return self._gate.identity
        self._show = show
        self._comes_back = comes_back
        self.recording = False

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
    def relay(self) -> Relay | None:
        """The relay this agent belongs to."""
        return self._services.relay

    def send(self, message: Message) -> None:
        """Queue a message; after the end it is dropped."""
        try:
            self._machine.send_message(message, self._loop.time())
        except LocalProtocolError:
            if self._machine.state is SessionState.OPEN:
                raise
            return
        self._wake()

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
        """Bytes of a lane that are not sealed yet."""
        return self._machine.pending(lane)

    def audit(self, action: str, detail: dict[str, str | int | bool]) -> None:
        """One record of a feature's."""
        self._record.write(action, detail)

    def show_chat(self, text: str, sent_at: float) -> bool:
        """Show one line to whoever is attached."""
        name = printable(self._gate.identity.display_name)
        self._services.announce(ChatHeard(self._session, name, text, sent_at))
        return self._services.broker.attached > 0

    async def ask_user(self, question: Question) -> bool:
        """Yes or no, from the person here."""
        ask = self._gate.confirm(question.title, question.text, question.details, question.seconds)
        answer = await self._services.broker.ask(ask)
        return answer.outcome is Outcome.ANSWERED and answer.yes
    @property
    def comes_back(self) -> float:
        """Seconds after a restart within which the session may be resumed once."""
        return self._comes_back

    def show_recording(self, on: bool) -> None:
        """Tell everybody who is attached."""
        if on is not self.recording:
            self.recording = on
            self._show()

