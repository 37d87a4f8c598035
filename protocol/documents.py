"""Documents that outlive a connection: what the organisation signs, and what enrolment sends.

Signed through the repository (policy role): `policy/org.json`, `policy/technicians.json`; (revocation role):
`revocation/list.json`; (scripts role): see `protocol.manifests`. They are JSON; unknown keys are refused, because a signed
document fails closed (`protocol.formats` says what an earlier version makes of a later one's).

Enrolment: a *bundle* file (JSON) made by the organisation carries a secret that the relay never sees. The peer sends an
`EnrolmentRequest` (MessagePack) with an HMAC-SHA256 tag under that secret; the signer answers with an `EnrolmentAnswer` tagged
the same way. A `RenewalRequest` is signed by the peer's own certified key instead.

All times are seconds since 1970 (UTC). Pure: no clock, no I/O, no randomness.
"""

import hashlib
import hmac
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

import msgspec

from protocol.capabilities import Capability
from protocol.errors import RemoteProtocolError, TrustError, UndecodableMessage
from protocol.formats import Format, Reader, check_format
from protocol.formats import canonical_json as canonical_json
from protocol.formats import decode_document as decode_document
from protocol.link_messages import OrganisationId, PeerId, Role
from protocol.manifests import ScriptFile as ScriptFile
from protocol.manifests import ScriptManifest as ScriptManifest
from protocol.manifests import Step as Step

BUNDLE_SUFFIX = ".handrail"
MAX_BUNDLE_BYTES = 64 * 1024
MAX_REQUEST_BYTES = 12 * 1024
MAX_ANSWER_BYTES = 64 * 1024
POLICY_PATH = "policy/org.json"
TECHNICIANS_PATH = "policy/technicians.json"
REVOCATION_PATH = "revocation/list.json"

ShortText = Annotated[str, msgspec.Meta(max_length=100)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Group = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}\Z")]
TokenId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}\Z")]
Fingerprint = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
TierNumber = Annotated[int, msgspec.Meta(ge=1, le=3)]
Der = Annotated[bytes, msgspec.Meta(max_length=4096)]
TufRoot = Annotated[bytes, msgspec.Meta(max_length=32 * 1024)]
RelayUrl = Annotated[str, msgspec.Meta(max_length=300, pattern=r"^https?://[^\s/?#@]+/?\Z")]
RelayPin = Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9a-f]{64})?\Z")]
Secret = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Digest = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]

Days = Annotated[int, msgspec.Meta(ge=0, le=36500)]


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every JSON document that a signature covers: unknown keys are refused. For `protocol.formats`: `SINCE`, the format
    that brought a field, where that is not the first; `OPEN_LISTS`, keys of this document or of what it holds whose lists only
    allow, and what their names are."""

    SINCE: ClassVar[Mapping[str, int]] = {}
    OPEN_LISTS: ClassVar[Mapping[str, type[StrEnum]]] = {}


class TechnicianEntry(Document, frozen=True, kw_only=True):
    """One technician: `key` is the SHA-256 of the session key's SPKI in hex, `tier` the highest that the certificate may
    claim."""

    name: Name
    tier: TierNumber
    key: Fingerprint
    peer: PeerId


class TechniciansList(Document, frozen=True, kw_only=True):
    """`policy/technicians.json`: who is a technician. A certificate whose key is not here is refused."""

    v: Literal[1] = 1
    issued: float
    technicians: Annotated[list[TechnicianEntry], msgspec.Meta(max_length=5000)] = []

    def find(self, fingerprint: bytes) -> TechnicianEntry | None:
        """The technician with this key (SHA-256 of its SPKI), or None."""
        key = fingerprint.hex()
        return next((entry for entry in self.technicians if entry.key == key), None)


Patterns = Annotated[list[Annotated[str, msgspec.Meta(min_length=1, max_length=200)]], msgspec.Meta(max_length=100)]


class GroupPolicy(Document, frozen=True, kw_only=True):
    """What holds on the devices of one group. `unattended`: capabilities that may be used with nobody asked; `attended`: the
    most that may ever be asked for there (None: everything the tiers allow); `consent_for_fixes`: the user is asked before
    each fix of an attended session, even where its manifest leaves that to policy; `grant_seconds`: how long one consent
    lasts; `hide_windows`: patterns of titles or classes of windows that no technician sees; `files_folders`: folders
    below the user's home that files may be put into and taken from (none named: all of it); `recording`: whether technicians
    may record a session here, must before they see the screen, or may not;
    `keep_transcripts`: what terminals print is kept on the device; `transcript_days` and `recording_days`: how long that is kept
    there, and recordings of these devices on technicians' computers (0: as each computer's own settings say, which may be shorter
    in any case); `forward_to`: patterns of `host:port` beyond the device's own loopback that may be reached through it;
    `log_files`: patterns of files below /var/log that may be followed."""

    SINCE: ClassVar[Mapping[str, int]] = {"transcript_days": 2, "recording_days": 2}

    unattended: list[Capability] = []
    attended: list[Capability] | None = None
    consent_for_fixes: bool = True
    ask_when_present: bool = True
    pause_on_local_input: bool = False
    grant_seconds: Annotated[float, msgspec.Meta(gt=0, le=86400)] = 8 * 3600.0
    hide_windows: Patterns = []
    files_folders: Annotated[list[Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]], msgspec.Meta(max_length=50)] = []
    recording: Literal["allowed", "required", "forbidden"] = "allowed"
    keep_transcripts: bool = False
    transcript_days: Days = 0
    recording_days: Days = 0
    forward_to: Patterns = []
    log_files: Patterns = msgspec.field(default_factory=lambda: ["/var/log/*.log", "/var/log/syslog", "/var/log/messages"])


class OrganisationPolicy(Document, frozen=True, kw_only=True):
    """`policy/org.json`: the organisation's own rules by device group. `default` is used by groups that are not named. `v` is the
    format that its rules need, `reader` the version of the agent that reads that ("" for the first)."""

    OPEN_LISTS: ClassVar[Mapping[str, type[StrEnum]]] = {"unattended": Capability, "attended": Capability}

    v: Format = 1
    reader: Reader = ""
    issued: float
    name: Name
    groups: Annotated[dict[Group, GroupPolicy], msgspec.Meta(max_length=500)] = {}
    default: GroupPolicy = msgspec.field(default_factory=GroupPolicy)

    def group(self, name: str) -> GroupPolicy:
        """The policy of a device group."""
        return self.groups.get(name, self.default)


class RevocationList(Document, frozen=True, kw_only=True):
    """`revocation/list.json`: keys (SHA-256 of SPKI, hex) that are no longer accepted, and `not_before`: technician
    certificates issued earlier than that are refused whatever their key (the switch for a stolen signer). Lists only ever add
    up."""

    v: Literal[1] = 1
    issued: float
    fingerprints: Annotated[list[Fingerprint], msgspec.Meta(max_length=20000)] = []
    not_before: float = 0.0

    def refuses(self, fingerprint: bytes, issued: float) -> bool:
        """Whether a certificate with this key, issued at that time, is revoked."""
        return fingerprint.hex() in self.fingerprints or issued < self.not_before

    def union(self, other: "RevocationList") -> "RevocationList":
        """Both lists together; the newer `issued`, the later `not_before`."""
        return RevocationList(
            issued=max(self.issued, other.issued),
            fingerprints=sorted({*self.fingerprints, *other.fingerprints}),
            not_before=max(self.not_before, other.not_before),
        )


class Bundle(Document, frozen=True, kw_only=True):
    """What joins a device or a technician to an organisation: a `.handrail` file. Whoever holds it may enrol until it expires
    or is used up, so it is handed over like a key. `root` is the organisation's root certificate (DER), `tuf_root` the first
    trusted root of its repository, `relay_spki` the hex SHA-256 of the relay's TLS key ("": the relay's certificate is checked
    by the system's CAs)."""

    v: Literal[1] = 1
    kind: Literal["device", "technician"]
    org: OrganisationId
    organisation_name: Name
    root: Der
    tuf_root: TufRoot
    relay: RelayUrl
    relay_spki: RelayPin = ""
    token_id: TokenId
    secret: Secret
    expires: float
    group: Group = "default"
    name: ShortText = ""
    tier: TierNumber = 1

    def __repr__(self) -> str:
        return f"Bundle(kind={self.kind!r}, org={self.org!r}, token_id={self.token_id!r}, secret=<not shown>)"


class EnrolmentRequest(msgspec.Struct, frozen=True, array_like=True, tag="enrol.1"):
    """Peer -> signer. Two PKCS#10 requests (DER): for the session leaf and for the login leaf, keys of their own. `tag` is
    HMAC-SHA256(secret, "handrail enrol v1" NUL fields), fields being the MessagePack array of everything before it."""

    kind: Literal["device", "technician"]
    organisation: OrganisationId
    token_id: TokenId
    session_request: Der
    login_request: Der
    label: ShortText
    platform: ShortText
    nonce: Digest
    tag: Digest


class RenewalRequest(msgspec.Struct, frozen=True, array_like=True, tag="renew.1"):
    """Peer -> signer. `chain` is the present session chain [leaf, CA]; the session key stays, `session_request` is for the
    same key. `signature`: ECDSA-SHA256 (DER) of the session key over "handrail renew v1" NUL fields."""

    role: Role
    organisation: OrganisationId
    chain: Annotated[list[Der], msgspec.Meta(min_length=2, max_length=2)]
    session_request: Der
    login_request: Der
    label: ShortText
    platform: ShortText
    nonce: Digest
    signature: Annotated[bytes, msgspec.Meta(max_length=256)]


class EnrolmentAnswer(msgspec.Struct, frozen=True, array_like=True, tag="answer.1"):
    """Signer -> peer. `request` is the SHA-256 of the request document that this answers; `reason` is "" when the chains are
    there, else a `RefusalReason` value with a sentence in `text`. `issued` is the signer's clock. `tag` as in the request, under
    "handrail enrol answer v1"; zeros for renewals and for tokens the signer does not know, whose text is then unverified."""

    request: Digest
    chain: Annotated[list[Der], msgspec.Meta(max_length=2)]
    login_chain: Annotated[list[Der], msgspec.Meta(max_length=2)]
    issued: float
    reason: Annotated[str, msgspec.Meta(max_length=40)]
    text: Annotated[str, msgspec.Meta(max_length=500)]
    tag: Digest


NO_TAG = bytes(32)
_ENROL = b"handrail enrol v1\0"
_ANSWER = b"handrail enrol answer v1\0"
_RENEW = b"handrail renew v1\0"
_REQUESTS = msgspec.msgpack.Decoder(EnrolmentRequest | RenewalRequest)
_ANSWERS = msgspec.msgpack.Decoder(EnrolmentAnswer)


def decode_bundle(data: bytes) -> Bundle:
    """Read a bundle file.

    Raises:
        NeedsUpdate: a later version made it.
        TrustError: not a bundle; the text says to ask for a new one.
    """
    if len(data) > MAX_BUNDLE_BYTES:
        raise TrustError("This file is too large to be an enrolment bundle. Ask your administrator for the .handrail file.")
    check_format(data, "enrolment bundle")
    try:
        return msgspec.json.decode(data, type=Bundle)
    except (ValueError, RecursionError) as error:
        raise TrustError(
            f"This file is not an enrolment bundle ({error}). Ask your administrator for a new .handrail file."
        ) from error


def encode_request(request: EnrolmentRequest | RenewalRequest) -> bytes:
    """A request document as MessagePack."""
    return msgspec.msgpack.encode(request)


def decode_request(data: bytes) -> EnrolmentRequest | RenewalRequest:
    """Read a request document.

    Raises:
        RemoteProtocolError: too large, or not such a document.
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise RemoteProtocolError(f"A request of {len(data)} bytes; at most {MAX_REQUEST_BYTES} are read.")
    try:
        request: EnrolmentRequest | RenewalRequest = _REQUESTS.decode(data)
    except (ValueError, RecursionError) as error:
        raise UndecodableMessage(f"not an enrolment or renewal request: {error}") from error
    return request


def decode_answer(data: bytes) -> EnrolmentAnswer:
    """Read an answer document.

    Raises:
        RemoteProtocolError: too large, or not such a document.
    """
    if len(data) > MAX_ANSWER_BYTES:
        raise RemoteProtocolError(f"An answer of {len(data)} bytes; at most {MAX_ANSWER_BYTES} are read.")
    try:
        answer: EnrolmentAnswer = _ANSWERS.decode(data)
    except (ValueError, RecursionError) as error:
        raise UndecodableMessage(f"not an answer to an enrolment: {error}") from error
    return answer


def request_digest(document: bytes) -> bytes:
    """What an answer names its request by."""
    return hashlib.sha256(document).digest()


def tag_request(request: EnrolmentRequest, secret: bytes) -> EnrolmentRequest:
    """The same request with its tag."""
    return msgspec.structs.replace(request, tag=_tag(_ENROL, request, secret))


def check_request(request: EnrolmentRequest, secret: bytes) -> None:
    """Raises:
    TrustError: the tag was not made with this secret over these fields.
    """
    if not hmac.compare_digest(request.tag, _tag(_ENROL, request, secret)):
        raise TrustError("The enrolment request was changed on its way, or was not made with this bundle.")


def tag_answer(answer: EnrolmentAnswer, secret: bytes) -> EnrolmentAnswer:
    """The same answer with its tag."""
    return msgspec.structs.replace(answer, tag=_tag(_ANSWER, answer, secret))


def check_answer(answer: EnrolmentAnswer, secret: bytes) -> None:
    """Raises:
    TrustError: the tag was not made with this secret over these fields.
    """
    if not hmac.compare_digest(answer.tag, _tag(_ANSWER, answer, secret)):
        raise TrustError("The answer to the enrolment was not made by this organisation's signer.")


def renewal_bytes(request: RenewalRequest) -> bytes:
    """What the session key signs in a renewal."""
    return _RENEW + signed_fields(request)


def _tag(purpose: bytes, document: EnrolmentRequest | EnrolmentAnswer, secret: bytes) -> bytes:
    return hmac.digest(secret, purpose + signed_fields(document), "sha256")


def signed_fields(document: msgspec.Struct) -> bytes:
    """Every field but the last (the tag or signature) as one MessagePack array, tag name first."""
    values = msgspec.structs.astuple(document)
    return msgspec.msgpack.encode([type(document).__struct_config__.tag, *values[:-1]])
