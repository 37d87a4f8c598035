"""The control link between a peer and the relay: `PeerLink` on the peer's side, `RelayLink` on the relay's.

Bytes are whole WebSocket binary messages, one `LinkMessage` each; the WebSocket itself (pings, closing) is the caller's.

    relay                                          peer
      | Challenge{nonce, relay, protocol}  ----->    |
      |    <-----  Login{role, chain, signature}     |     signed with the login key over the origin that the peer dialled
      | LoggedIn | LoginRefused  ----->              |     after `accept()` or `send_refusal()` by the relay's application
      |    <---- messages of that role ---->         |     the tables `PEER_SAYS` and `RELAY_SAYS`

Nothing the other side sends makes a method raise: it becomes `LinkError` or `LinkRefused`, `closed` turns True, and the caller
flushes `data_to_send()` and closes the WebSocket. What *this* side does wrong raises `LocalProtocolError`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from protocol.certificates import Identity, PrivateKey, PublicKey, check_chain, check_guest, names_in_leaf
from protocol.errors import (
    LimitExceeded,
    LocalProtocolError,
    RefusalReason,
    RemoteProtocolError,
    TrustError,
    UndecodableMessage,
)
from protocol.limits import LIMITS, Limits
from protocol.link_messages import (
    AnyLinkMessage,
    Challenge,
    CodeRedeem,
    ColleaguesOnline,
    ColleaguesQuery,
    DeviceAsk,
    DevicesChanged,
    DevicesPage,
    DevicesQuery,
    Done,
    Failed,
    HelpCancel,
    HelpCode,
    HelpPlace,
    HelpRequest,
    LinkMessage,
    LoggedIn,
    Login,
    LoginRefused,
    MailAck,
    MailDeliver,
    MailSend,
    Reconnect,
    RepositoryChanged,
    Role,
    TunnelOffer,
    UploadAsk,
    UploadTicket,
)
from protocol.version import OLDEST_PROTOCOL, PROTOCOL

_MAIL: Final[frozenset[type[LinkMessage]]] = frozenset({MailSend, MailAck})
PEER_SAYS: Final[dict[Role, frozenset[type[LinkMessage]]]] = {
    Role.DEVICE: _MAIL | {HelpRequest, HelpCancel},
    Role.TECHNICIAN: _MAIL | {CodeRedeem, DeviceAsk, DevicesQuery, ColleaguesQuery},
    Role.SIGNER: _MAIL | {UploadAsk},
    Role.GUEST: frozenset({HelpRequest, HelpCancel}),
}
"""What the relay accepts from each role after login. Anything else ends the link."""

_ANSWERS: Final[frozenset[type[LinkMessage]]] = frozenset({Done, Failed, MailDeliver, RepositoryChanged, Reconnect})
RELAY_SAYS: Final[dict[Role, frozenset[type[LinkMessage]]]] = {
    Role.DEVICE: _ANSWERS | {HelpCode, HelpPlace, TunnelOffer},
    Role.TECHNICIAN: _ANSWERS | {TunnelOffer, DevicesPage, DevicesChanged, ColleaguesOnline},
    Role.SIGNER: _ANSWERS | {UploadTicket},
    Role.GUEST: _ANSWERS - {MailDeliver} | {HelpCode, TunnelOffer},
}
"""What each role accepts from the relay after login."""

REPLACED: Final = 4001
"""The WebSocket close code of a link whose peer has logged in again."""

_TAGS: Final = frozenset(kind.__struct_config__.tag for kind in AnyLinkMessage.__args__)
_DEFAULT_PORTS: Final = {"https": "443", "wss": "443", "http": "80", "ws": "80"}
_WEB_SCHEMES: Final = {"https": "https", "wss": "https", "http": "http", "ws": "http"}
_ORIGIN: Final = re.compile(
    r"(https?|wss?)://([a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::([0-9]{1,5}))?(?:/[!-~]{0,500})?", re.I
)

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(AnyLinkMessage)


class _Tag(msgspec.Struct, frozen=True):
    type: str = ""


_TAG_DECODER: Final = msgspec.msgpack.Decoder(_Tag)


@dataclass(frozen=True, slots=True)
class LinkReady:
    """Peer: logged in. `peer` is this side's own id; the relay wants a WebSocket ping at least every `heartbeat` seconds."""

    peer: str
    organisation: str
    heartbeat: float


@dataclass(frozen=True, slots=True)
class LinkMessageReceived:
    """A message that this side accepts from the other."""

    message: LinkMessage


@dataclass(frozen=True, slots=True)
class LinkUnknown:
    """Peer: a well-formed message of a type this version does not know; ignored, worth a line in the log."""

    tag: str


@dataclass(frozen=True, slots=True)
class LinkRefused:
    """The last event. Peer: the relay did not let us in. Relay: it was this side that refused (the refusal is queued)."""

    reason: RefusalReason
    text: str


@dataclass(frozen=True, slots=True)
class LinkError:
    """The last event. The other side broke a rule, or was too slow; close the WebSocket."""

    text: str


@dataclass(frozen=True, slots=True)
class PeerAuthenticated:
    """Relay: a login verified. Answer by `RelayLink.accept` or `send_refusal`. `label` and `platform` are unverified."""

    role: Role
    peer: str
    organisation: str
    label: str
    platform: str
    protocol: int
    identity: Identity
    leaf_der: bytes = field(repr=False)


PeerEvent = LinkReady | LinkMessageReceived | LinkUnknown | LinkRefused | LinkError
RelayEvent = PeerAuthenticated | LinkMessageReceived | LinkRefused | LinkError


class LinkState(StrEnum):
    """Where a link is; the same names on both sides."""

    CHALLENGE = "challenge"
    LOGIN = "login"
    DECIDING = "deciding"
    READY = "ready"
    CLOSED = "closed"


def encode_link(message: LinkMessage) -> bytes:
    """One message as a MessagePack map with its tag under "type"."""
    return _ENCODER.encode(message)


def decode_link(data: bytes | bytearray | memoryview, max_bytes: int) -> LinkMessage | LinkUnknown:
    """Decode and validate one message; `LinkUnknown` when it is a map whose "type" this version does not know.

    Raises:
        LimitExceeded: longer than `max_bytes`; nothing was read.
        UndecodableMessage: not MessagePack, no type, or a field of the wrong type, range or length.
    """
    if len(data) > max_bytes:
        raise LimitExceeded(f"a link message of {len(data)} bytes came; at most {max_bytes} are allowed")
    try:
        message: LinkMessage = _DECODER.decode(data)
    # ValueError: msgspec's own DecodeError, and the UnicodeDecodeError that it lets through for text that is not UTF-8.
    except (ValueError, RecursionError) as error:
        tag = _tag_of(data)
        if tag and tag not in _TAGS:
            return LinkUnknown(tag[:64])
        raise UndecodableMessage(f"link message {tag or 'without a type'} does not decode: {error}") from error
    return message


def canonical_origin(url: str) -> str:
    """scheme://host[:port] in lower case, the port left out where it is the scheme's own; ws and wss count as http and https.

    Raises:
        LocalProtocolError: not an address of a relay.
    """
    match = _ORIGIN.fullmatch(url)
    if match is None:
        raise LocalProtocolError(f"{url[:100]!r} is not the address of a relay: write it as https://host or https://host:port.")
    scheme, host, port = match.group(1).lower(), match.group(2).lower(), match.group(3)
    if port is not None and not 0 < int(port) < 65536:
        raise LocalProtocolError(f"{url[:100]!r} names a port that does not exist.")
    suffix = "" if port is None or str(int(port)) == _DEFAULT_PORTS[scheme] else f":{int(port)}"
    return f"{_WEB_SCHEMES[scheme]}://{host}{suffix}"


def login_payload(origin: str, nonce: bytes, role: Role) -> bytes:
    """What a login signs: "handrail login v1" NUL origin NUL nonce NUL role. `origin` is canonical."""
    return b"\0".join([b"handrail login v1", origin.encode(), nonce, role.value.encode()])


def _tag_of(data: bytes | bytearray | memoryview) -> str | None:
    try:
        return _TAG_DECODER.decode(data).type
    except (ValueError, RecursionError):
        return None


class _Link:
    """What both sides share: state, queues, and the end."""

    def __init__(self, state: LinkState, limits: Limits, now: float) -> None:
        self.state = state
        self._limits = limits
        self._outgoing: list[bytes] = []
        self._deadline: float | None = now + limits.link_login_seconds

    @property
    def closed(self) -> bool:
        """True once the link is over: flush `data_to_send()`, then close the WebSocket."""
        return self.state is LinkState.CLOSED

    def data_to_send(self) -> list[bytes]:
        """One item for each WebSocket binary message to send, in order."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def next_deadline(self) -> float | None:
        """Monotonic seconds by which the login must be over; None afterwards."""
        return self._deadline

    def _queue(self, message: LinkMessage) -> None:
        data = encode_link(message)
        # Decoding what we encoded keeps a bug of ours (a text too long, say) on this side of the wire.
        try:
            decode_link(data, self._limits.link_message_bytes)
        except RemoteProtocolError as error:
            raise LocalProtocolError(f"this link message cannot be sent: {error}") from error
        self._outgoing.append(data)

    def _close(self) -> None:
        self.state = LinkState.CLOSED
        self._deadline = None


class PeerLink(_Link):
    """The side that logs in: device, technician, signer or guest. Feed every WebSocket binary message to `receive_data`."""

    def __init__(
        self,
        role: Role,
        login_key: PrivateKey,
        chain: Sequence[bytes],
        origin: str,
        label: str,
        platform: str,
        now: float,
        *,
        limits: Limits = LIMITS,
    ) -> None:
        """Start waiting for the relay's challenge.

        Args:
            login_key: the key of the login leaf (never the session key).
            chain: [login leaf, issuing CA]; the signer's is [login leaf], a guest's its one certificate.
            origin: the address that was dialled, e.g. "https://relay.example:8443"; the login is bound to it.
            label, platform: shown to technicians as unverified; cut at 100 characters.

        Raises:
            TrustError: the leaf is not one of this profile.
            LocalProtocolError: the leaf belongs to another role or key, or `origin` is no address.
        """
        super().__init__(LinkState.CHALLENGE, limits, now)
        named, self._peer, self._organisation = names_in_leaf(chain[0])
        if named is not role:
            raise LocalProtocolError(f"the login certificate is that of a {named.value}, not of a {role.value}")
        self._role = role
        self._key = login_key
        self._chain = list(chain)
        self._origin = canonical_origin(origin)
        self._label, self._platform = label[:100], platform[:100]
        self._events: list[PeerEvent] = []

    def receive_data(self, data: bytes, now: float) -> None:  # noqa: ARG002 - the contract of every machine
        """One WebSocket binary message. Ignored once the link is closed."""
        if self.closed:
            return
        try:
            message = decode_link(data, self._limits.link_message_bytes)
            if isinstance(message, LinkUnknown):
                self._events.append(message)
            else:
                self._receive(message)
        except RemoteProtocolError as error:
            self._fail(f"The relay broke the rules of the link: {error}")

    def send(self, message: LinkMessage, now: float) -> None:  # noqa: ARG002
        """Queue a message.

        Raises:
            LocalProtocolError: not logged in, not this role's to say, or a field is outside its bounds.
        """
        if self.state is not LinkState.READY:
            raise LocalProtocolError(f"the link to the relay is not ready (state: {self.state.value})")
        if type(message) not in PEER_SAYS[self._role]:
            raise LocalProtocolError(f"{type(message).__name__} is not a {self._role.value}'s to say")
        self._queue(message)

    def events(self) -> list[PeerEvent]:
        """What has happened since the last call."""
        events, self._events = self._events, []
        return events

    def handle_deadline(self, now: float) -> None:
        """Give up when the relay has not let us in in time."""
        if self._deadline is not None and now >= self._deadline:
            self._fail(f"The relay did not answer the login within {self._limits.link_login_seconds:g} seconds.")

    def _receive(self, message: LinkMessage) -> None:
        match self.state, message:
            case LinkState.CHALLENGE, Challenge():
                self._answer(message)
            case LinkState.LOGIN, LoggedIn(peer=peer, organisation=organisation, heartbeat_seconds=heartbeat):
                if (peer, organisation) != (self._peer, self._organisation) or heartbeat == 0:
                    raise RemoteProtocolError("it took us for somebody else, or wants no heartbeat")
                self.state = LinkState.READY
                self._deadline = None
                self._events.append(LinkReady(peer, organisation, heartbeat))
            case ((LinkState.CHALLENGE | LinkState.LOGIN), LoginRefused(reason=reason, text=text)):
                self._close()
                self._events.append(LinkRefused(reason, text))
            case ((LinkState.CHALLENGE | LinkState.LOGIN | LinkState.READY), Reconnect()):
                self._events.append(LinkMessageReceived(message))
            case LinkState.READY, _ if type(message) in RELAY_SAYS[self._role]:
                self._events.append(LinkMessageReceived(message))
            case _:
                raise RemoteProtocolError(f"{_name(message)} came in state {self.state.value}")

    def _answer(self, challenge: Challenge) -> None:
        if challenge.protocol < OLDEST_PROTOCOL:
            self._close()
            text = f"The relay speaks protocol {challenge.protocol}; this program needs {OLDEST_PROTOCOL}: update the relay."
            self._events.append(LinkRefused(RefusalReason.VERSION, text))
            return
        signature = self._key.sign(login_payload(self._origin, challenge.nonce, self._role))
        self._queue(Login(self._role, self._chain, signature, PROTOCOL, self._label, self._platform))
        self.state = LinkState.LOGIN

    def _fail(self, text: str) -> None:
        self._close()
        self._events.append(LinkError(text))


class RelayLink(_Link):
    """The relay's side of one link. It verifies who is there and which messages they may send; what they mean is the caller's."""

    def __init__(
        self,
        origin: str | Sequence[str],
        roots: Callable[[str], bytes | None],
        random_bytes: Callable[[int], bytes],
        wall: datetime | Callable[[], datetime],
        now: float,
        *,
        limits: Limits = LIMITS,
    ) -> None:
        """Queue the challenge.

        Args:
            origin: the relay's own address, or all of them (the first one stands in the challenge).
            roots: the root certificate (DER) of an organisation by its id, or None when this relay does not serve it.
            wall: the time by which certificates are judged.

        Raises:
            LocalProtocolError: `origin` is no address.
        """
        super().__init__(LinkState.LOGIN, limits, now)
        self._origins = [canonical_origin(item) for item in ([origin] if isinstance(origin, str) else origin)]
        if not self._origins:
            raise LocalProtocolError("a relay needs at least one address of its own")
        self._roots = roots
        self._wall = wall
        self._nonce = random_bytes(32)
        self._identity: Identity | None = None
        self._events: list[RelayEvent] = []
        self._queue(Challenge(self._nonce, self._origins[0], PROTOCOL))

    def receive_data(self, data: bytes, now: float) -> None:  # noqa: ARG002 - the contract of every machine
        """One WebSocket binary message. Ignored once the link is closed."""
        if self.closed:
            return
        ready = self.state is LinkState.READY
        try:
            message = decode_link(data, self._limits.link_message_bytes if ready else self._limits.link_login_bytes)
            if self.state is LinkState.LOGIN and isinstance(message, Login):
                self._authenticate(message)
            elif ready and self._identity is not None and type(message) in PEER_SAYS[self._identity.role]:
                assert isinstance(message, LinkMessage)
                self._events.append(LinkMessageReceived(message))
            else:
                raise RemoteProtocolError(f"{_name(message)} came in state {self.state.value}")
        except RemoteProtocolError as error:
            self._fail(f"The peer broke the rules of the link: {error}")

    def accept(self, now: float, heartbeat_seconds: float | None = None) -> None:  # noqa: ARG002
        """Let in the peer of `PeerAuthenticated`: queues `LoggedIn`.

        Raises:
            LocalProtocolError: no login is waiting for a decision.
        """
        if self.state is not LinkState.DECIDING or self._identity is None:
            raise LocalProtocolError(f"nobody is waiting to be let in (state: {self.state.value})")
        heartbeat = self._limits.link_heartbeat_seconds if heartbeat_seconds is None else heartbeat_seconds
        self._queue(LoggedIn(self._identity.peer, self._identity.organisation, heartbeat))
        self.state = LinkState.READY
        self._deadline = None

    def send_refusal(self, reason: RefusalReason, text: str, now: float) -> None:  # noqa: ARG002
        """Do not let the peer in: queues `LoginRefused` (text cut at 200 characters) and closes the link.

        Raises:
            LocalProtocolError: the peer has been let in already.
        """
        if self.state is LinkState.READY:
            raise LocalProtocolError("the peer has been let in already; close the link instead")
        if not self.closed:
            self._refuse(reason, text)

    def send(self, message: LinkMessage, now: float) -> None:
        """Queue a message. `LoggedIn` and `LoginRefused` are sent by `accept` and `send_refusal`.

        Raises:
            LocalProtocolError: the peer is not in, the message is not for its role, or a field is outside its bounds.
        """
        match message:
            case LoggedIn(heartbeat_seconds=heartbeat):
                self.accept(now, heartbeat)
            case LoginRefused(reason=reason, text=text):
                self.send_refusal(reason, text, now)
            case Reconnect() if not self.closed:
                self._queue(message)
            case _ if self.state is not LinkState.READY or self._identity is None:
                raise LocalProtocolError(f"the peer is not logged in (state: {self.state.value})")
            case _ if type(message) not in RELAY_SAYS[self._identity.role]:
                raise LocalProtocolError(f"{type(message).__name__} is not for a {self._identity.role.value}")
            case _:
                self._queue(message)

    def events(self) -> list[RelayEvent]:
        """What has happened since the last call."""
        events, self._events = self._events, []
        return events

    def handle_deadline(self, now: float) -> None:
        """Refuse a peer that has not logged in in time."""
        if self._deadline is not None and now >= self._deadline:
            self._refuse(RefusalReason.EXPIRED, f"The login took longer than {self._limits.link_login_seconds:g} seconds.")

    def _authenticate(self, login: Login) -> None:
        if login.protocol < OLDEST_PROTOCOL:
            text = f"This program speaks protocol {login.protocol}; the relay needs {OLDEST_PROTOCOL}: update this program."
            self._refuse(RefusalReason.VERSION, text)
            return
        try:
            _, _, organisation = names_in_leaf(login.chain[0])
            root_der = self._roots(organisation)
            if root_der is None:
                self._refuse(RefusalReason.NOT_FOUND, f"This relay does not serve the organisation {organisation}.")
                return
            wall = self._wall if isinstance(self._wall, datetime) else self._wall()
            if login.role is Role.GUEST:
                # It proves a key and nothing else: how many are let in is the application's to bound.
                identity = check_guest(login.chain, organisation=organisation, wall=wall)
            else:
                identity = check_chain(login.chain, root_der=root_der, expected=login.role, purpose="login", wall=wall)
            self._check_signature(login)
        except TrustError as error:
            self._refuse(RefusalReason.UNTRUSTED, str(error))
            return
        self._identity = identity
        self.state = LinkState.DECIDING
        event = PeerAuthenticated(
            identity.role,
            identity.peer,
            identity.organisation,
            login.label,
            login.platform,
            login.protocol,
            identity,
            identity.leaf_der,
        )
        self._events.append(event)

    def _check_signature(self, login: Login) -> None:
        key = PublicKey.of_certificate(login.chain[0])
        for origin in self._origins:
            try:
                key.verify(login.signature, login_payload(origin, self._nonce, login.role))
            except TrustError:
                continue
            return
        raise TrustError(
            f"The login was not signed for this relay: it is {self._origins[0]} to itself; "
            "use that address, or add the one you use to the relay's settings."
        )

    def _refuse(self, reason: RefusalReason, text: str) -> None:
        self._queue(LoginRefused(reason, text[:200]))
        self._close()
        self._events.append(LinkRefused(reason, text[:200]))

    def _fail(self, text: str) -> None:
        self._close()
        self._events.append(LinkError(text))


def _name(message: LinkMessage | LinkUnknown) -> str:
    return message.tag if isinstance(message, LinkUnknown) else str(message.__struct_config__.tag)
