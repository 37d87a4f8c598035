"""The agent's end of one assisted session: who asks, what is granted, and nothing that is not granted gets through."""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from protocol.capabilities import Capability
from protocol.certificates import Identity, PrivateKey
from protocol.channel import SealedChannel
from protocol.errors import LocalProtocolError, RefusalReason, RemoteProtocolError
from protocol.guest import EXPORTER_BYTES as GUEST_EXPORTER_BYTES
from protocol.guest import EXPORTER_LABEL as GUEST_EXPORTER_LABEL
from protocol.guest import GuestExchange
from protocol.limits import LIMITS, Limits
from protocol.messages import Lane, Message, Sender, rule_of
from protocol.messages.files import FileStop
from protocol.messages.forward import ForwardClosed, ForwardCredit, ForwardData, ForwardEnd
from protocol.messages.input import ReleaseAll
from protocol.messages.screen import ScreenAck, ScreenStop
from protocol.messages.session import (
    AgentHello,
    Called,
    CapabilityAsk,
    CapabilityGranted,
    CapabilityReturn,
    CapabilityRevoked,
    ConsentPending,
    Denied,
    End,
    GuestProof,
    GuestProved,
    GuestShare,
    Hello,
    Paused,
    Refusal,
    Reveal,
    Welcome,
)
from protocol.pairing import EXPORTER_BYTES, EXPORTER_LABEL, NONCE_BYTES, check_commitment, short_authentication_string
from protocol.session_core import (
    CapabilityAsked,
    CapabilityExpired,
    CapabilityReturned,
    ConsentNeeded,
    EndRequested,
    MessageReceived,
    MessageRefused,
    SessionCore,
    SessionState,
)
from protocol.version import OLDEST_PROTOCOL, PROTOCOL

# (state, message type): anything absent here and not a feature message in an open session breaks the rules.
EXPECTED: Final[frozenset[tuple[SessionState, type[Message]]]] = frozenset(
    {
        (SessionState.GUEST, GuestProof),
        (SessionState.HELLO, Hello),
        (SessionState.REVEAL, Reveal),
        (SessionState.CONSENT, End),
        (SessionState.OPEN, End),
        (SessionState.OPEN, CapabilityAsk),
        (SessionState.OPEN, CapabilityReturn),
        (SessionState.ENDING, End),
    }
)

# What goes through while the user holds everything back: only what takes nothing and moves nothing. Bytes of a connection that
# stands wait on the device, within their credit: one that was refused would be missing in the middle.
HARMLESS_WHILE_PAUSED: Final = frozenset({Capability.CHAT})
HARMLESS_TYPES_WHILE_PAUSED: Final[tuple[type[Message], ...]] = (
    ScreenAck,
    ScreenStop,
    ReleaseAll,
    FileStop,
    ForwardData,
    ForwardEnd,
    ForwardCredit,
    ForwardClosed,
)

KNOWN: Final = frozenset(Capability)
WHY_PAUSED: Final = {
    "user": "the person there holds everything back",
    "unwatched": "nobody there can see the session; it goes on when they can, or ends within seconds",
    "question": "the person there is being asked something, and mouse and keyboard wait",
    "local_input": "the person there uses mouse and keyboard themselves",
}
"""What holds a session back, by `session.paused`, in words for the technician."""
REFUSAL_INTERVAL: Final = 1.0
# How much longer than its own question the agent's shell may take before the session is given up.
END_SECONDS_AFTER_CONSENT: Final = 30.0


class AgentSession(SessionCore):
    """TLS server, asked side. See `SessionCore` for how to drive it.

    Args:
        key, chain: the device's session key and [leaf, CA] in DER.
        root_der: the organisation's pinned root.
        label: the certified label of this device.
        policy_version: TUF version of the policy it decides by.
        wall: the wall clock; certificates are judged by it.
        guest_secret: the secret half of a guest's code, for one session; the chain is then its one certificate. "": enrolled.
        guest_text: what is wrong, for a technician who knows the secret.

    Raises:
        LocalProtocolError: a guest's certificate without a secret, or a secret without one.
    """

    side = Sender.AGENT

    def __init__(
        self,
        key: PrivateKey,
        chain: list[bytes],
        root_der: bytes,
        *,
        label: str,
        wall: Callable[[], datetime],
        policy_version: int = 0,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        limits: Limits = LIMITS,
        product: str = "",
        platform: str = "",
        guest_secret: str = "",
        guest_text: str = "",
    ) -> None:
        if (len(chain) == 1) is not bool(guest_secret):
            raise LocalProtocolError(
                "a guest's certificate comes with the secret half of a code, and an enrolled device has none"
            )
        channel = SealedChannel.agent(key, chain, root_der=root_der, wall=wall)
        super().__init__(channel, wall=wall, random_bytes=random_bytes, limits=limits)
        self._key = key
        self._leaf = chain[0]
        self._guest_secret, self._guest_text = guest_secret, guest_text
        self._exchange: GuestExchange | None = None
        self._hello = (label, policy_version, product, platform)
        self._nonce = b""
        self._asked: Hello | None = None
        self._grants: dict[Capability, float] = {}
        self._refused_at: dict[str, float] = {}
        self.paused = False
        self._paused_by = ""
        self.sas = ""

    @property
    def granted(self) -> frozenset[Capability]:
        """What the technician may do right now (pauses aside)."""
        return frozenset(self._grants)

    @property
    def granted_until(self) -> dict[Capability, float]:
        """When each granted capability ends, in terms of `now`; also after the session was cut."""
        return dict(self._grants)

    @property
    def witness(self) -> int:
        """How many audit records the technician's newest checkpoint of this device covers, as they say (0: none)."""
        return 0 if self._asked is None else self._asked.witness

    # -- decisions of the agent -------------------------------------------------------------------------------------

    def consent_pending(self, seconds: float, now: float) -> None:
        """Tell the technician that a person is being asked, and for how long."""
        self._demand(SessionState.CONSENT)
        self._stage_deadline = now + seconds + END_SECONDS_AFTER_CONSENT
        self._queue(ConsentPending(seconds))

    def welcome(
        self,
        granted: list[Capability],
        seconds: float,
        session_id: str,
        now: float,
        *,
        unattended: bool = False,
        resumed: bool = False,
        after_restart: float = 0.0,
        until: Mapping[Capability, float] | None = None,
    ) -> None:
        """Open the session with these capabilities for `seconds`. `until`: when each of them ends (in terms of `now`), where
        they do not all end together; `seconds` is then the longest."""
        self._demand(SessionState.CONSENT)
        ends = until or {}
        self._grants = {capability: ends.get(capability, now + seconds) for capability in granted}
        self._queue(Welcome(list(granted), seconds, session_id, unattended, resumed, after_restart))
        self._open(now)

    def deny(self, reason: RefusalReason, text: str, now: float) -> None:
        """Do not open the session; it ends."""
        if self.state not in (SessionState.CONSENT, SessionState.REVEAL, SessionState.HELLO):
            raise LocalProtocolError(f"cannot deny a session that is {self.state.value}")
        self._queue(Denied(reason, text[: self._limits.text_chars]))
        self.end(f"denied: {reason.value}", now)

    def tell_call(self, called: Called, now: float) -> None:
        """Answer a `Hello` that asked who calls; it ends."""
        self._demand(SessionState.CONSENT)
        self._queue(called)
        self.end("told who calls", now)

    def grant(self, capability: Capability, request: int, seconds: float, now: float) -> None:
        """One capability more (answer to `CapabilityAsked`, or of the user's own accord with request 0)."""
        self._demand(SessionState.OPEN)
        self._grants[capability] = now + seconds
        self._queue(CapabilityGranted(request, capability, seconds))

    def refuse(
        self, request: int, tag: str, reason: RefusalReason, text: str, now: float, *, capability: Capability | None = None
    ) -> None:
        """Tell the technician that a message of type `tag` was not acted on."""
        self._demand(SessionState.OPEN)
        self._refused_at[tag] = now
        self._queue(Refusal(tag, request, reason, text[: self._limits.text_chars], capability))

    def revoke(self, capability: Capability, by: str, now: float) -> None:  # noqa: ARG002 - every machine's calls take now
        """Take a capability away, at once."""
        if self.state is SessionState.OPEN and self._grants.pop(capability, None) is not None:
            self._queue(CapabilityRevoked(capability, by))

    def pause(self, paused: bool, by: str, now: float) -> None:  # noqa: ARG002 - every machine's calls take now
        """Hold everything back, or let it go on; `by` says who or why."""
        self._demand(SessionState.OPEN)
        if paused is not self.paused or (paused and by != self._paused_by):
            self.paused, self._paused_by = paused, by
            self._queue(Paused(paused, by))

    # -- the conversation -------------------------------------------------------------------------------------------

    def _established(self, peer: Identity, now: float) -> None:
        self.state = SessionState.HELLO
        self._stage_deadline = now + self._limits.hello_seconds
        if not self._guest_secret:
            return
        self._exchange = GuestExchange(
            Sender.AGENT,
            self._guest_secret,
            technician_leaf=peer.leaf_der,
            guest_leaf=self._leaf,
            random_bytes=self._random_bytes,
        )
        self._queue(GuestShare(self._exchange.share))
        self.state = SessionState.GUEST

    def _receive(self, message: Message, lane: Lane, size: int, now: float) -> None:
        if (self.state, type(message)) in EXPECTED:
            self._receive_expected(message, now)
        elif self.state is SessionState.OPEN and not rule_of(message).tag.startswith("session."):
            self._receive_feature(message, lane, size, now)
            return
        elif self.state is not SessionState.ENDING:
            raise RemoteProtocolError(f"{rule_of(message).tag} while {self.state.value}")
        self._frames.consumed(lane, size)

    def _receive_expected(self, message: Message, now: float) -> None:
        match message:
            case GuestProof():
                self._receive_proof(message, now)
            case Hello():
                self._receive_hello(message, now)
            case Reveal(nonce=nonce):
                self._receive_reveal(nonce)
            case CapabilityAsk(request=request, capability=capability, reason=reason):
                self._emit(CapabilityAsked(request, capability, reason))
            case CapabilityReturn(capability=capability):
                if self._grants.pop(capability, None) is not None:
                    self._emit(CapabilityReturned(capability))
            case End(reason=reason) if self.state is SessionState.OPEN:
                self._grants.clear()
                self._emit(EndRequested(reason))
            case End(reason=reason):
                self._channel.close()
                self._finish(self._last_words[0] if self._last_words else reason, clean=True, by_peer=self._last_words is None)
            case _:
                raise RemoteProtocolError(f"{rule_of(message).tag} while {self.state.value}")

    def _receive_proof(self, proof: GuestProof, now: float) -> None:
        """The technician proves first: nothing that depends on the secret but this side's share has been said until then."""
        assert self._exchange is not None
        self._exchange.meet(proof.share, self._channel.exporter(GUEST_EXPORTER_LABEL, GUEST_EXPORTER_BYTES))
        self._exchange.check(proof.confirmation)
        self._queue(GuestProved(self._exchange.confirmation, self._guest_text))
        self.state = SessionState.HELLO
        self._stage_deadline = now + self._limits.hello_seconds

    def _receive_hello(self, hello: Hello, now: float) -> None:
        label, policy_version, product, platform = self._hello
        if hello.protocol < OLDEST_PROTOCOL:
            self.deny(RefusalReason.VERSION, f"this agent speaks protocol {OLDEST_PROTOCOL} to {PROTOCOL}: update handrail", now)
            return
        self.spoken = min(PROTOCOL, hello.protocol)
        self._asked = hello
        self._nonce = self._random_bytes(NONCE_BYTES)
        self._queue(AgentHello(PROTOCOL, label, self._nonce, policy_version, product, platform))
        self.state = SessionState.REVEAL
        self._stage_deadline = now + self._limits.hello_seconds

    def _receive_reveal(self, nonce: bytes) -> None:
        assert self._asked is not None
        assert self.peer is not None
        check_commitment(self._asked.commit, nonce)
        self.sas = short_authentication_string(
            self._channel.exporter(EXPORTER_LABEL, EXPORTER_BYTES),
            technician_nonce=nonce,
            agent_nonce=self._nonce,
            technician_key=self.peer.fingerprint,
            agent_key=self._key.public.fingerprint,
        )
        self.state = SessionState.CONSENT
        self._stage_deadline = None
        asked = self._asked
        wanted = [Capability(name) for name in dict.fromkeys(asked.wanted) if name in KNOWN]
        self._emit(
            ConsentNeeded(
                self.peer, wanted, asked.reason, self.sas, asked.timestamp_version, asked.resume, asked.after_restart, asked.call
            )
        )

    def _receive_feature(self, message: Message, lane: Lane, size: int, now: float) -> None:
        rule = rule_of(message)
        self._expire(now)
        reason: RefusalReason | None = None
        if rule.capability is not None and rule.capability not in self._grants:
            reason = RefusalReason.NOT_GRANTED
        elif self.paused and not self._harmless(message):
            reason = RefusalReason.PAUSED
        if reason is None:
            self._emit(MessageReceived(message), lane, size)
            return
        self._frames.consumed(lane, size)
        request: int | None = getattr(message, "request", None)
        if request is not None or now - self._refused_at.get(rule.tag, -REFUSAL_INTERVAL) >= REFUSAL_INTERVAL:
            words = (
                WHY_PAUSED.get(self._paused_by, "the session is held back")
                if reason is RefusalReason.PAUSED
                else f"ask for {rule.capability} first"
            )
            self.refuse(request or 0, rule.tag, reason, words, now, capability=rule.capability)
            self._emit(MessageRefused(rule.tag, reason))

    def _harmless(self, message: Message) -> bool:
        rule = rule_of(message)
        return rule.capability in HARMLESS_WHILE_PAUSED or isinstance(message, HARMLESS_TYPES_WHILE_PAUSED)

    def _expire(self, now: float) -> None:
        for capability in [name for name, until in self._grants.items() if now >= until]:
            del self._grants[capability]
            self._queue(CapabilityRevoked(capability, "expiry"))
            self._emit(CapabilityExpired(capability))

    def _own_deadline(self) -> float | None:
        return min(self._grants.values(), default=None) if self.state is SessionState.OPEN else None

    def _handle_own_deadline(self, now: float) -> None:
        if self.state is SessionState.OPEN:
            self._expire(now)

    def _demand(self, state: SessionState) -> None:
        if self.state is not state:
            raise LocalProtocolError(f"the session is {self.state.value}, not {state.value}")
