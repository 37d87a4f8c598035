"""The technician's end of one assisted session: says who it is, what it wants and why, and then works within what was granted."""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal

from protocol.capabilities import Capability
from protocol.certificates import DeviceClaims, Identity, PrivateKey
from protocol.channel import SealedChannel
from protocol.errors import LocalProtocolError, RemoteProtocolError, TrustError
from protocol.guest import EXPORTER_BYTES as GUEST_EXPORTER_BYTES
from protocol.guest import EXPORTER_LABEL as GUEST_EXPORTER_LABEL
from protocol.guest import GuestExchange
from protocol.limits import LIMITS, Limits
from protocol.messages import Lane, Message, Sender, rule_of
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
    Reveal,
    Welcome,
)
from protocol.pairing import EXPORTER_BYTES, EXPORTER_LABEL, NONCE_BYTES, commitment, short_authentication_string
from protocol.session_core import (
    CallTold,
    Connected,
    ConsentWaiting,
    DeniedByAgent,
    GrantsChanged,
    MessageReceived,
    Opened,
    SessionCore,
    SessionState,
)
from protocol.version import OLDEST_PROTOCOL, PROTOCOL

EXPECTED: Final[frozenset[tuple[SessionState, type[Message]]]] = frozenset(
    {
        (SessionState.GUEST, GuestShare),
        (SessionState.GUEST, GuestProved),
        (SessionState.HELLO, AgentHello),
        (SessionState.HELLO, Denied),
        (SessionState.HELLO, End),
        (SessionState.CONSENT, Called),
        (SessionState.CONSENT, ConsentPending),
        (SessionState.CONSENT, Welcome),
        (SessionState.CONSENT, Denied),
        (SessionState.CONSENT, End),
        (SessionState.OPEN, CapabilityGranted),
        (SessionState.OPEN, CapabilityRevoked),
        (SessionState.OPEN, End),
        (SessionState.ENDING, End),
    }
)


class TechnicianSession(SessionCore):
    """TLS client, asking side. See `SessionCore` for how to drive it; `start(now)` begins the handshake.

    Args:
        key, chain: the technician's session key and [leaf, CA] in DER.
        root_der: the organisation's root.
        expected_device: peer id the device's certificate must carry; None accepts any device of the organisation (then the label
            and the SAS tell people which).
        wanted: capabilities to ask for. reason: one line the user reads in the consent window.
        resume: the id of a session whose tunnel was cut. after_restart, call: as in `Hello`.
        witness: how many audit records the newest kept checkpoint of a device (peer id) covers.
        guest_secret: the secret half of a guest's code: then the other end must be a guest that knows it. "": an enrolled device.
    """

    side = Sender.TECHNICIAN

    def __init__(
        self,
        key: PrivateKey,
        chain: list[bytes],
        root_der: bytes,
        *,
        expected_device: str | None,
        wanted: list[Capability],
        reason: str,
        wall: Callable[[], datetime],
        timestamp_version: int = 0,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        limits: Limits = LIMITS,
        product: str = "",
        resume: str = "",
        after_restart: float = 0.0,
        witness: Callable[[str], int] = lambda _: 0,
        guest_secret: str = "",
        call: Literal["", "look", "decline"] = "",
    ) -> None:
        channel = SealedChannel.technician(key, chain, root_der=root_der, wall=wall, guest=bool(guest_secret))
        super().__init__(channel, wall=wall, random_bytes=random_bytes, limits=limits)
        self._key = key
        self._expected_device = expected_device
        self._asking = (list(wanted), reason[: limits.reason_chars], timestamp_version, product, resume, after_restart)
        self._call = call
        self._witness = witness
        self._leaf = chain[0]
        self._guest_secret = guest_secret
        self._exchange: GuestExchange | None = None
        self.guest_text = ""  # what a guest says is wrong, once it has proved itself
        self._nonce = random_bytes(NONCE_BYTES)
        self._granted: frozenset[Capability] = frozenset()
        self._denied = False

    @property
    def granted(self) -> frozenset[Capability]:
        """What the agent has granted, as far as this side knows."""
        return self._granted

    def ask(self, capability: Capability, request: int, reason: str, now: float) -> None:  # noqa: ARG002 - every machine's calls take now
        """Ask for one capability more; the answer is `GrantsChanged` or a `Refusal` with this request."""
        self._demand_open()
        self._queue(CapabilityAsk(request, capability, reason[: self._limits.reason_chars]))

    def give_back(self, capability: Capability, now: float) -> None:  # noqa: ARG002 - every machine's calls take now
        """Return a capability."""
        self._demand_open()
        self._queue(CapabilityReturn(capability))
        self._change(self._granted - {capability})

    def _established(self, peer: Identity, now: float) -> None:
        if self._expected_device is not None and peer.peer != self._expected_device:
            raise TrustError(f"the relay led to device {peer.peer} instead of {self._expected_device}: the session was stopped")
        self._stage_deadline = now + self._limits.hello_seconds
        if self._guest_secret:
            self.state = SessionState.GUEST  # nothing is said before the guest has proved that it is the one
        else:
            self._say_hello(peer, now)

    def _say_hello(self, peer: Identity, now: float) -> None:
        wanted, reason, timestamp_version, product, resume, after_restart = self._asking
        commit, witness = commitment(self._nonce), self._witness(peer.peer)
        self._queue(
            Hello(PROTOCOL, wanted, reason, commit, timestamp_version, product, resume, after_restart, witness, self._call)
        )
        self.state = SessionState.HELLO
        self._stage_deadline = now + self._limits.hello_seconds

    def _receive(self, message: Message, lane: Lane, size: int, now: float) -> None:
        if (self.state, type(message)) in EXPECTED:
            self._receive_expected(message, now)
            if isinstance(message, CapabilityGranted | CapabilityRevoked):
                self._emit(MessageReceived(message), lane, size)
                return
        elif self.state is SessionState.OPEN and not isinstance(
            message, GuestShare | GuestProved | Hello | AgentHello | Reveal | ConsentPending | Called | Welcome | Denied
        ):
            self._emit(MessageReceived(message), lane, size)
            return
        elif self.state is not SessionState.ENDING:
            raise RemoteProtocolError(f"{rule_of(message).tag} while {self.state.value}")
        self._frames.consumed(lane, size)

    def _receive_expected(self, message: Message, now: float) -> None:
        if isinstance(message, ConsentPending | Welcome) if self._call else isinstance(message, Called):
            raise RemoteProtocolError(f"{rule_of(message).tag} is no answer to what was asked")
        match message:
            case GuestShare(share=share):
                self._receive_share(share)
            case GuestProved():
                self._receive_proved(message, now)
            case AgentHello():
                self._receive_hello(message)
            case ConsentPending(seconds=seconds):
                self._stage_deadline = now + seconds + 2 * self._limits.hello_seconds
                self._emit(ConsentWaiting(seconds))
            case Called():
                self._emit(CallTold(message))
            case Welcome():
                self._granted = frozenset(message.granted)
                self._open(now)
                self._emit(Opened(message))
            case Denied():
                self._denied = True
                self._stage_deadline = now + self._limits.hello_seconds
                self._emit(DeniedByAgent(message))
            case CapabilityGranted(capability=capability):
                self._change(self._granted | {capability})
            case CapabilityRevoked(capability=capability):
                self._change(self._granted - {capability})
            case End():
                ours = self._last_words is not None
                reason = self._last_words[0] if self._last_words is not None else message.reason
                self._channel.close()
                self._finish(
                    reason,
                    clean=True,
                    by_peer=not ours,
                    checkpoint=message.checkpoint,
                    receipt=message.receipt,
                    resume_seconds=0.0 if ours else message.resume_seconds,
                    proof=tuple(message.proof),
                )
            case _:
                raise RemoteProtocolError(f"{rule_of(message).tag} while {self.state.value}")

    def _receive_share(self, share: bytes) -> None:
        assert self.peer is not None
        if self._exchange is not None:
            raise RemoteProtocolError("session.guest_share came twice")
        self._exchange = GuestExchange(
            Sender.TECHNICIAN,
            self._guest_secret,
            technician_leaf=self._leaf,
            guest_leaf=self.peer.leaf_der,
            random_bytes=self._random_bytes,
        )
        self._exchange.meet(share, self._channel.exporter(GUEST_EXPORTER_LABEL, GUEST_EXPORTER_BYTES))
        self._queue(GuestProof(self._exchange.share, self._exchange.confirmation))

    def _receive_proved(self, proved: GuestProved, now: float) -> None:
        assert self.peer is not None
        if self._exchange is None:
            raise RemoteProtocolError("session.guest_proved came before session.guest_share")
        self._exchange.check(proved.confirmation)
        self.guest_text = proved.text
        self._say_hello(self.peer, now)

    def _receive_hello(self, hello: AgentHello) -> None:
        assert self.peer is not None
        if hello.protocol < OLDEST_PROTOCOL:
            raise RemoteProtocolError(
                f"the agent speaks protocol {hello.protocol}, this side {OLDEST_PROTOCOL} to {PROTOCOL}: update it"
            )
        self.spoken = min(PROTOCOL, hello.protocol)
        claims = self.peer.claims
        if not isinstance(claims, DeviceClaims) or claims.label != hello.label:
            raise TrustError("the device calls itself by another label than its certificate: the session was stopped")
        self._queue(Reveal(self._nonce))
        sas = short_authentication_string(
            self._channel.exporter(EXPORTER_LABEL, EXPORTER_BYTES),
            technician_nonce=self._nonce,
            agent_nonce=hello.nonce,
            technician_key=self._key.public.fingerprint,
            agent_key=self.peer.fingerprint,
        )
        self.state = SessionState.CONSENT
        self._stage_deadline = None
        self._emit(Connected(self.peer, hello, sas))

    def _change(self, granted: frozenset[Capability]) -> None:
        if granted != self._granted:
            self._granted = granted
            self._emit(GrantsChanged(granted))

    def _demand_open(self) -> None:
        if self.state is not SessionState.OPEN:
            raise LocalProtocolError(f"the session is {self.state.value}, not open")
