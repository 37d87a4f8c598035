"""The sealed channel between technician and agent: TLS 1.3 as a machine, bytes in and bytes out.

The agent is the TLS server and the technician the client, so that a relay posing as an agent never learns a technician's
certificate: a client shows its own only after it has accepted the server's. Both certificates are demanded. TLS 1.3 only, ALPN
"handrail/1", no SNI, no resumption, no early data, the library's own key exchange groups (X25519MLKEM768 first). There is no way
to turn any of it off. Each channel has a TLS context of its own, without session cache: the two session tickets that OpenSSL
sends anyway (pyOpenSSL cannot set their number) lead nowhere, and no client offers one.

Certificates are judged twice, within the handshake: OpenSSL builds and checks the path, then `protocol.chain.check_chain` looks
at the path that OpenSSL verified. Both judge validity by the `wall` time given here, never by a clock of their own.

A technician who was given a guest's code meets a guest, and nobody else: `technician(..., guest=True)` accepts the ephemeral
certificate that `protocol.chain.check_guest` describes and no enrolled device; every other channel accepts no such certificate.
Who the guest is shows afterwards, by `protocol.guest`.

A technician's TLS is "established" before the agent has judged the technician's certificate (RFC 8446 section 4.4): nothing is
open before the agent's `Welcome`; a refusal arrives as an alert, that is, as a `TrustError` from `receive_data`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from OpenSSL import SSL, crypto

from protocol.certificate_profile import in_utc
from protocol.certificates import Identity, PrivateKey, Role, check_chain, check_guest, organisation_id
from protocol.errors import ChannelClosed, LimitExceeded, LocalProtocolError, RemoteProtocolError, TrustError
from protocol.limits import LIMITS, Limits
from protocol.version import ALPN

TLS_VERSION: Final = "TLSv1.3"

_READ_BYTES: Final = 64 * 1024
_RECORD_BYTES: Final = 16 * 1024
_VERIFY: Final = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
_OPTIONS: Final = SSL.OP_NO_TICKET | SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION
# Parts of the alerts by which the other side says that it does not believe our certificate (RFC 8446 section 6.2). OpenSSL sends
# internal_error when it is the application's own check, `_Judge`, that says no.
_REFUSALS: Final = ("certificate", "unknown ca", "access denied", "internal error")
# Numbers of OpenSSL's x509_vfy.h that deserve a sentence of their own.
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10


@dataclass(frozen=True, slots=True)
class ChannelParameters:
    """What was negotiated, for people to see and for tests to hold: e.g. TLSv1.3, TLS_AES_256_GCM_SHA384, X25519MLKEM768."""

    version: str
    cipher: str
    group: str
    alpn: str


@dataclass(frozen=True, slots=True)
class Established:
    """The other side is who its certificates say; data may be sent."""

    peer: Identity
    parameters: ChannelParameters


@dataclass(frozen=True, slots=True)
class DataReceived:
    """Plaintext. Boundaries mean nothing."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ChannelEnded:
    """No more will come. `clean`: the other side said so (close_notify); otherwise the end of the stream may be missing."""

    clean: bool


ChannelEvent = Established | DataReceived | ChannelEnded


class _State(StrEnum):
    HANDSHAKE = "handshake"
    OPEN = "open"
    ENDED = "ended"


class SealedChannel:
    """One end of one channel. After every call collect `events()` and send `data_to_send()`: even after an error there may be an
    alert in it that tells the other side why.

    Make one with `SealedChannel.technician` or `SealedChannel.agent`; it belongs to one thread or one task.
    """

    def __init__(
        self,
        client: bool,
        key: PrivateKey,
        chain: Sequence[bytes],
        root_der: bytes,
        wall: datetime | Callable[[], datetime],
        now: float | None,
        limits: Limits,
        guest: bool = False,
    ) -> None:
        """For the two class methods below."""
        expected = Role.DEVICE if client else Role.TECHNICIAN
        self._judge = _GuestJudge(Role.GUEST, root_der, wall) if client and guest else _Judge(expected, root_der, wall)
        self._limits = limits
        self._deadline = None if now is None else now + limits.handshake_seconds
        self._state = _State.HANDSHAKE
        self._handshake_bytes = 0
        self._closing = False
        self._peer_closed = False
        self._peer: Identity | None = None
        self._events: list[ChannelEvent] = []
        self._outgoing: list[bytes] = []
        context = _context(client, key, chain, root_der, self._judge.wall())
        context.set_verify(_VERIFY, self._judge)
        if client:
            context.set_alpn_protos([ALPN])
        else:
            context.set_alpn_select_callback(_choose_protocol)
        self._connection = SSL.Connection(context, None)
        if client:
            self._connection.set_connect_state()
            self._shake_hands()
        else:
            self._connection.set_accept_state()

    @classmethod
    def technician(
        cls,
        key: PrivateKey,
        chain: Sequence[bytes],
        *,
        root_der: bytes,
        wall: datetime | Callable[[], datetime],
        now: float | None = None,
        limits: Limits = LIMITS,
        guest: bool = False,
    ) -> "SealedChannel":
        """The technician's end (TLS client); it has something to send at once.

        Args:
            key, chain: of the session leaf: [leaf, technician CA], DER.
            root_der: the organisation's pinned root.
            wall: the time by which certificates are judged.
            now: starts the handshake's time limit; without it the first call that brings `now` does.
            guest: the other end is a guest, not an enrolled device.

        Raises:
            LocalProtocolError: key and chain do not belong together, or cannot be read.
        """
        return cls(True, key, chain, root_der, wall, now, limits, guest)

    @classmethod
    def agent(
        cls,
        key: PrivateKey,
        chain: Sequence[bytes],
        *,
        root_der: bytes,
        wall: datetime | Callable[[], datetime],
        now: float | None = None,
        limits: Limits = LIMITS,
    ) -> "SealedChannel":
        """The agent's end (TLS server); arguments and errors as for `technician`, with [leaf, device CA], or [certificate] of a
        guest."""
        return cls(False, key, chain, root_der, wall, now, limits)

    # -- the contract of every machine ------------------------------------------------------------------------------

    def receive_data(self, data: bytes, now: float) -> None:
        """Ciphertext, cut anywhere. Ignored once the channel has ended.

        Raises:
            TrustError: a certificate does not hold, or the other side does not accept ours.
            LimitExceeded: the handshake is longer than `limits.handshake_bytes`.
            RemoteProtocolError: not TLS 1.3 with our ALPN, or bytes changed on their way. After each the channel is dead.
        """
        if self.ended or not data:
            return
        self._start_clock(now)
        view = memoryview(data)
        try:
            while len(view) > 0 and not self.ended:
                if self._state is _State.HANDSHAKE:
                    view = self._feed_handshake(view)
                else:
                    view = view[self._connection.bio_write(view[: 1 << 20]) :]
                    self._read()
            self._collect()
        except SSL.Error as error:
            self._state = _State.ENDED
            raise self._explain(error) from error
        except (TrustError, RemoteProtocolError):
            self._state = _State.ENDED
            raise

    def receive_eof(self, now: float) -> None:  # noqa: ARG002 - the contract of every machine
        """The carrier is gone. Without a close_notify before it this is a truncation: `ChannelEnded(clean=False)`."""
        if self._state is not _State.ENDED:
            self._end(clean=self._peer_closed)

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """Seal data. Write 16-64 KiB at a time rather than many small pieces: each call makes at least one TLS record.

        Raises:
            LocalProtocolError: not established yet.
            ChannelClosed: the channel has ended, or `close` was called.
        """
        if self._state is _State.HANDSHAKE:
            raise LocalProtocolError("the channel is not established yet")
        if self._state is _State.ENDED or self._closing:
            raise ChannelClosed("The sealed channel has ended: nothing more can be sent.", clean=self._peer_closed)
        view = memoryview(data)
        while len(view) > 0:
            view = view[self._connection.send(view[: 1 << 20]) :]
        self._collect()

    def data_to_send(self) -> bytes:
        """Ciphertext for the carrier; b"" when there is none."""
        if not self.has_data:
            self._collect()
        pieces, self._outgoing = self._outgoing, []
        return b"".join(pieces)

    @property
    def has_data(self) -> bool:
        """Whether the last call of `receive_data` or `send` left something for `data_to_send`."""
        return bool(self._outgoing)

    def _collect(self) -> None:
        """Take what OpenSSL has to say. A read that is not filled was the last."""
        try:
            while len(piece := self._connection.bio_read(_READ_BYTES)) == _READ_BYTES:
                self._outgoing.append(piece)
            self._outgoing.append(piece)
        except SSL.WantReadError:
            return

    def events(self) -> list[ChannelEvent]:
        """What has happened since the last call."""
        events, self._events = self._events, []
        return events

    def next_deadline(self) -> float | None:
        """Monotonic seconds by which the handshake must be over; None when it is, or before the first call that brought `now`."""
        return self._deadline if self._state is _State.HANDSHAKE else None

    def handle_deadline(self, now: float) -> None:
        """Time has passed.

        Raises:
            LimitExceeded: the handshake took longer than `limits.handshake_seconds`; the channel is dead.
        """
        self._start_clock(now)
        if self._state is _State.HANDSHAKE and self._deadline is not None and now >= self._deadline:
            self._state = _State.ENDED
            raise LimitExceeded(f"the encryption was not agreed on within {self._limits.handshake_seconds:g} seconds")

    # -- what a channel can do besides ------------------------------------------------------------------------------

    @property
    def peer(self) -> Identity | None:
        """Whom the verified certificate names; None before `Established`."""
        return self._peer

    @property
    def ended(self) -> bool:
        """True once nothing more will come; what is still in `data_to_send()` may be sent."""
        return self._state is _State.ENDED

    def exporter(self, label: bytes, length: int) -> bytes:
        """Keying material that both ends, and nobody else, can compute (RFC 8446 section 7.5, empty context).

        Raises:
            LocalProtocolError: not established.
        """
        if self._peer is None:
            raise LocalProtocolError("the channel is not established: there is no keying material yet")
        return self._connection.export_keying_material(label, length)

    def recheck(self, wall: datetime) -> None:
        """Judge the other side's certificates again, as of `wall`: a session must not outlive them.

        Raises:
            TrustError: they no longer hold. The caller ends the session.
            LocalProtocolError: not established.
        """
        if self._peer is None:
            raise LocalProtocolError("the channel is not established: there is nobody to check")
        self._judge.check(wall)

    def close(self) -> None:
        """Say that nothing more will be sent (close_notify). What still comes is delivered until the other side closes too.
        Allowed in any state, also after an error."""
        if self._closing:
            return
        self._closing = True
        if self._state is _State.OPEN:
            self._shutdown()
        elif self._state is _State.HANDSHAKE:
            self._end(clean=False)

    # -- handshake --------------------------------------------------------------------------------------------------

    def _start_clock(self, now: float) -> None:
        if self._deadline is None:
            self._deadline = now + self._limits.handshake_seconds

    def _feed_handshake(self, view: memoryview) -> memoryview:
        """Give OpenSSL at most what is left of the handshake's budget; what follows the handshake may come in the same bytes."""
        room = self._limits.handshake_bytes - self._handshake_bytes
        if room <= 0:
            raise LimitExceeded(f"the handshake is longer than {self._limits.handshake_bytes} bytes")
        written = self._connection.bio_write(view[:room])
        self._handshake_bytes += written
        self._shake_hands()
        if self._state is not _State.HANDSHAKE:
            self._read()
        return view[written:]

    def _shake_hands(self) -> None:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return
        peer = self._peer = self._judge.verdict()
        parameters = ChannelParameters(
            version=self._connection.get_protocol_version_name(),
            cipher=self._connection.get_cipher_name() or "",
            group=self._connection.get_group_name() or "",
            alpn=self._connection.get_alpn_proto_negotiated().decode("ascii", "replace"),
        )
        if parameters.version != TLS_VERSION or parameters.alpn != ALPN.decode():
            raise RemoteProtocolError(f"the other side does not speak {ALPN.decode()} over {TLS_VERSION}")
        self._state = _State.OPEN
        self._events.append(Established(peer, parameters))

    # -- data and end -----------------------------------------------------------------------------------------------

    def _read(self) -> None:
        """Take all plaintext there is: one read gives at most one record."""
        pieces = []
        try:
            while True:
                pieces.append(self._connection.recv(_RECORD_BYTES))
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self._peer_closed = True
        if pieces:
            self._events.append(DataReceived(b"".join(pieces)))
        if self._peer_closed:
            self._shutdown()
            self._end(clean=True)

    def _shutdown(self) -> None:
        try:
            self._connection.shutdown()
        except SSL.Error:
            # Nothing can be said any more on a connection that has failed; the carrier closes it.
            self._end(clean=False)

    def _end(self, *, clean: bool) -> None:
        if self._state is not _State.ENDED:
            self._state = _State.ENDED
            self._events.append(ChannelEnded(clean))

    def _explain(self, error: SSL.Error) -> TrustError | RemoteProtocolError:
        if self._judge.distrust is not None:
            return self._judge.distrust
        reason = _reason_of(error)
        if "alert" in reason and any(word in reason for word in _REFUSALS):
            return TrustError(
                f"The other side does not accept this side's certificate ({reason}): it may have expired, be of another "
                "organisation, or a clock is wrong."
            )
        if "peer did not return a certificate" in reason:
            return TrustError("The other side did not show a certificate.")
        return RemoteProtocolError(f"the encrypted connection failed: {reason}")


class _Judge:
    """OpenSSL's verify callback. It holds nothing of the connection: no circle of references keeps a dead channel alive."""

    def __init__(self, expected: Role, root_der: bytes, wall: datetime | Callable[[], datetime]) -> None:
        self._expected = expected
        self._root_der = root_der
        self._wall = wall
        self._verified: dict[int, bytes] = {}
        self._peer: Identity | None = None
        self.distrust: TrustError | None = None

    def __call__(self, _: SSL.Connection, certificate: crypto.X509, problem: int, depth: int, fine: int) -> bool:
        """Called for each certificate of the path, the root first, with what OpenSSL thinks of it."""
        if not fine:
            self.distrust = _sentence(problem, self._expected)
            return False
        self._verified[depth] = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
        if depth > 0:
            return True
        try:
            self._peer = self.check(self.wall())
        except TrustError as error:
            self.distrust = error
            return False
        return True

    def wall(self) -> datetime:
        """The time to judge by, now."""
        return self._wall if isinstance(self._wall, datetime) else self._wall()

    def check(self, wall: datetime) -> Identity:
        """Our own judgement of the path that OpenSSL verified."""
        # Depth 0 is the leaf; the deepest one is the root, which is pinned and not part of the chain.
        chain = [self._verified[depth] for depth in sorted(self._verified)][:-1]
        return check_chain(chain, root_der=self._root_der, expected=self._expected, purpose="session", wall=wall)

    def verdict(self) -> Identity:
        """Whom the certificates name.

        Raises:
            TrustError: they did not hold, or there were none.
        """
        if self.distrust is not None or self._peer is None:
            raise self.distrust or TrustError("The other side did not show a certificate.")
        return self._peer


class _GuestJudge(_Judge):
    """Judges a guest, whose certificate OpenSSL cannot know: it is self-issued, and only our own judgement counts."""

    def __call__(self, _: SSL.Connection, certificate: crypto.X509, problem: int, depth: int, fine: int) -> bool:  # noqa: ARG002
        """Called with each of OpenSSL's objections, and once more for the certificate itself."""
        if depth != 0:
            self.distrust = TrustError("A guest's certificate comes alone.")
            return False
        self._verified[0] = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
        try:
            self._peer = self.check(self.wall())
        except TrustError as error:
            self.distrust = error
            return False
        return True

    def check(self, wall: datetime) -> Identity:
        """Exactly the profile of a guest of this organisation."""
        return check_guest([self._verified[0]], organisation=organisation_id(self._root_der), wall=wall)


def _context(client: bool, key: PrivateKey, chain: Sequence[bytes], root_der: bytes, wall: datetime) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD if client else SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_max_proto_version(SSL.TLS1_3_VERSION)
    context.set_options(_OPTIONS)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_verify_depth(2)
    try:
        leaf, *others = [crypto.load_certificate(crypto.FILETYPE_ASN1, der).to_cryptography() for der in chain]
        context.use_certificate(leaf)
        for other in others:
            context.add_extra_chain_cert(other)
        context.use_privatekey(key.unwrap())
        context.check_privatekey()
        root = crypto.load_certificate(crypto.FILETYPE_ASN1, root_der)
    except (SSL.Error, crypto.Error, ValueError) as error:
        raise LocalProtocolError("this side's key, certificate chain and root do not belong together") from error
    store = context.get_cert_store()
    if store is None:
        raise LocalProtocolError("OpenSSL has no certificate store for this context")
    store.add_cert(root)
    store.set_flags(crypto.X509StoreFlags.X509_STRICT)
    store.set_time(in_utc(wall))
    return context


def _choose_protocol(_: SSL.Connection, offered: list[bytes]) -> bytes:
    if ALPN in offered:
        return ALPN
    # Anything but a name of the list makes OpenSSL send the alert no_application_protocol only when an error is raised.
    raise RemoteProtocolError(f"the other side does not offer {ALPN.decode()}")


def _sentence(problem: int, expected: Role) -> TrustError:
    name = expected.value
    if problem == _NOT_YET_VALID:
        return TrustError(f"The {name}'s certificate is not valid yet: check the clocks of both computers.")
    if problem == _EXPIRED:
        return TrustError(f"The {name}'s certificate has expired: it must be renewed, or this computer's clock is wrong.")
    return TrustError(f"The {name}'s certificate was not issued by this organisation for this use (OpenSSL {problem}).")


def _reason_of(error: SSL.Error) -> str:
    """OpenSSL's own words, e.g. "tlsv13 alert certificate required"."""
    if isinstance(error, SSL.SysCallError):
        return "the stream was cut"
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    words = [str(entry[2]) for entry in queue if isinstance(entry, tuple) and len(entry) == 3]
    return ", ".join(words) or "no reason given"
