"""Opening, keeping and ending an assisted session (security.md section 4)."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import msgspec

from protocol.capabilities import Capability, Tier
from protocol.errors import RefusalReason
from protocol.messages.base import Lane, LongText, Message, RequestId, Sender, ShortText

Nonce = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Capabilities = Annotated[list[Capability], msgspec.Meta(max_length=32)]
WantedNames = Annotated[Sequence[Annotated[str, msgspec.Meta(max_length=40)]], msgspec.Meta(max_length=64)]
Proof = Annotated[list[Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]], msgspec.Meta(max_length=64)]
RESTART_SECONDS_MOST = 3600
RestartSeconds = Annotated[float, msgspec.Meta(ge=0, le=RESTART_SECONDS_MOST)]


class GuestShare(Message, frozen=True, tag="session.guest_share"):
    """A->T, first message of a guest: its share of the exchange over the code's secret half (`protocol.guest`)."""

    SENDER: ClassVar = Sender.AGENT
    share: Annotated[bytes, msgspec.Meta(min_length=33, max_length=33)]


class GuestProof(Message, frozen=True, tag="session.guest_proof"):
    """T->A, answer to `GuestShare`: the technician's share, and the proof that it knows the secret half of the code."""

    SENDER: ClassVar = Sender.TECHNICIAN
    share: Annotated[bytes, msgspec.Meta(min_length=33, max_length=33)]
    confirmation: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


class GuestProved(Message, frozen=True, tag="session.guest_proved"):
    """A->T: the guest's own proof; only now does `Hello` follow. `text` is what is wrong, in the words of the person there."""

    SENDER: ClassVar = Sender.AGENT
    confirmation: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    text: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Hello(Message, frozen=True, tag="session.hello"):
    """T->A, first message. `commit` = SHA-256("handrail commit v1" | nonce); `timestamp_version` = newest TUF timestamp known.
    `resume` is the session id of a `Welcome` whose tunnel was cut ("": a new session); the agent resumes it by keys and its own
    record only, else it decides as for a new one. `after_restart`: asks to be let back in once without a question within so
    many seconds after a restart of the computer (0: not asked for). `witness` = how many audit records of this device the
    technician's newest checkpoint covers (0: none is kept). `call`: no session is asked for; they ask who calls them there
    (`look`), or will not come (`decline`, with `reason` if they like). `wanted` is then not looked at, and nobody is asked.
    `wanted` are names of capabilities; those that the agent does not know, of a later version, it does not ask for."""

    SENDER: ClassVar = Sender.TECHNICIAN
    protocol: int
    wanted: WantedNames
    reason: Annotated[str, msgspec.Meta(max_length=500)]
    commit: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    timestamp_version: int = 0
    product: ShortText = ""
    resume: ShortText = ""
    after_restart: RestartSeconds = 0.0
    witness: Annotated[int, msgspec.Meta(ge=0, le=2**62)] = 0
    call: Literal["", "look", "decline"] = ""


class AgentHello(Message, frozen=True, tag="session.agent_hello"):
    """A->T, answer to `Hello`. `policy_version` is the TUF version of policy/org.json the agent decides by (0: none yet)."""

    SENDER: ClassVar = Sender.AGENT
    protocol: int
    label: ShortText
    nonce: Nonce
    policy_version: int = 0
    product: ShortText = ""
    platform: ShortText = ""


class Reveal(Message, frozen=True, tag="session.reveal"):
    """T->A: the nonce behind the commit; only now can either side compute the SAS."""

    SENDER: ClassVar = Sender.TECHNICIAN
    nonce: Nonce


class ConsentPending(Message, frozen=True, tag="session.consent_pending"):
    """A->T: a person is being asked; `seconds` until the question answers itself with No. Sent again when they want more time."""

    SENDER: ClassVar = Sender.AGENT
    seconds: float


class Called(Message, frozen=True, tag="session.called"):
    """A->T, answer to a `Hello` with `call` `look`: who calls this technician there (as certified), of which tier, and what they
    wrote (the person there has read it); `called_at` in seconds since 1970, `seconds` until the call runs out. `End` follows."""

    SENDER: ClassVar = Sender.AGENT
    name: ShortText
    tier: Annotated[int, msgspec.Meta(ge=0, le=int(Tier.THIRD))]
    note: Annotated[str, msgspec.Meta(max_length=2000)]
    called_at: float
    seconds: Annotated[float, msgspec.Meta(ge=0)]


class Welcome(Message, frozen=True, tag="session.welcome"):
    """A->T: the session is open. `seconds` is how long the grant lasts; `unattended`: nobody was asked, policy allowed it;
    `resumed`: it goes on with what was granted before its tunnel was cut; `after_restart`: so many seconds after a restart of
    the computer it may be resumed once (0: the user did not say so)."""

    SENDER: ClassVar = Sender.AGENT
    granted: Capabilities
    seconds: float
    session_id: ShortText
    unattended: bool = False
    resumed: bool = False
    after_restart: RestartSeconds = 0.0


class Denied(Message, frozen=True, tag="session.denied"):
    """A->T: the session is not opened."""

    SENDER: ClassVar = Sender.AGENT
    reason: RefusalReason
    text: LongText = ""


class CapabilityAsk(Message, frozen=True, tag="session.capability_ask"):
    """T->A: asks for more, one capability at a time. The answer is `CapabilityGranted` or `Refusal` with the same request."""

    SENDER: ClassVar = Sender.TECHNICIAN
    request: RequestId
    capability: Capability
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


class CapabilityGranted(Message, frozen=True, tag="session.capability_granted"):
    """A->T: one capability more. `request` is 0 when the user granted it unasked."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
    capability: Capability
    seconds: float


class CapabilityRevoked(Message, frozen=True, tag="session.capability_revoked"):
    """A->T: one capability less, from now on. `by`: user, policy, expiry, technician, or handover (another technician has it)."""

    SENDER: ClassVar = Sender.AGENT
    capability: Capability
    by: ShortText


class CapabilityReturn(Message, frozen=True, tag="session.capability_return"):
    """T->A: the technician gives a capability back."""

    SENDER: ClassVar = Sender.TECHNICIAN
    capability: Capability


class Refusal(Message, frozen=True, tag="session.refusal"):
    """A->T: a message was not acted on. `refused` is its tag, `request` its request id (0 when it has none)."""

    SENDER: ClassVar = Sender.AGENT
    refused: ShortText
    request: RequestId
    reason: RefusalReason
    text: LongText = ""
    capability: Capability | None = None


class Paused(Message, frozen=True, tag="session.paused"):
    """A->T: everything (`by` user, unwatched: nobody there sees the session) or what acts on the desktop (`by` question,
    local_input) is held back, or goes on."""

    SENDER: ClassVar = Sender.AGENT
    paused: bool
    by: ShortText = "user"


class Ping(Message, frozen=True, tag="session.ping"):
    """Either way: answered at once by `Pong` with the same `token` (the sender's own clock, microseconds)."""

    SENDER: ClassVar = Sender.BOTH
    LANE: ClassVar = Lane.INPUT
    token: int


class Pong(Message, frozen=True, tag="session.pong"):
    """Answer to `Ping`."""

    SENDER: ClassVar = Sender.BOTH
    LANE: ClassVar = Lane.INPUT
    token: int


class End(Message, frozen=True, tag="session.end"):
    """Either way: the session ends. The agent's carries its signed audit checkpoint and the receipt (JSON, UTF-8).
    `resume_seconds` (agent): the computer restarts, and the session may be resumed within so many seconds (0: it is over);
    `proof` (agent): the audit chain continues the one of which `Hello.witness` spoke (`protocol.merkle`)."""

    SENDER: ClassVar = Sender.BOTH
    reason: ShortText
    checkpoint: bytes = b""
    receipt: bytes = b""
    resume_seconds: RestartSeconds = 0.0
    proof: Proof = []
