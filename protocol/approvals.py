"""Documents by which a decision travels between those who sign it: through the relay's mailbox, to the organisation's signer and
back.

The first approver *shares* a partly signed file of the repository with the signer, the others *look* at what waits, sign it
and share it again; whoever signed it may *withdraw* it. The relay carries requests of at most `MAX_BODY` bytes, so that a
larger proposal is sent in parts. A request is signed by a key of the role, an answer by the signer's login key, which the root
certifies, over the digest of its request: whatever the relay edits, swaps or plays again belongs to no question that was asked.

The proposal itself is judged by its own signatures, never by who brought it. Times are seconds since 1970 (UTC). Pure.
"""

import hashlib
import zlib
from datetime import datetime
from typing import Annotated, Final, Literal, TypeVar

import msgspec

from protocol.certificates import PrivateKey, PublicKey, Role, check_chain
from protocol.documents import Der, Digest, ShortText, signed_fields
from protocol.errors import RemoteProtocolError, TrustError, UndecodableMessage
from protocol.link_messages import OrganisationId

MAX_BODY: Final = 11_000
"""Bytes of a proposal in one request."""
MAX_PACKED: Final = 60_000
"""Bytes of a whole proposal, compressed: what an answer can carry back."""
MAX_PARTS: Final = -(-MAX_PACKED // MAX_BODY)
MAX_UNPACKED: Final = 4 * 1024 * 1024
MAX_REQUEST_BYTES: Final = 12 * 1024
MAX_ANSWER_BYTES: Final = 64 * 1024

RoleName = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{1,20}\Z")]
Path = Annotated[str, msgspec.Meta(max_length=500)]
Signature = Annotated[bytes, msgspec.Meta(max_length=256)]
Action = Literal["look", "share", "withdraw"]
Outcome = Literal["done", "part", "refused"]
How = Literal["withdrawn", "expired", "replaced"]
T = TypeVar("T")


class Proposal(msgspec.Struct, frozen=True, array_like=True, tag="proposal.1"):
    """A partly signed file of a role (`metadata`, JSON as the repository has it) and the bytes of those of its targets that are
    not published yet, by path."""

    role: RoleName
    metadata: Annotated[bytes, msgspec.Meta(max_length=1024 * 1024)]
    targets: Annotated[dict[Path, bytes], msgspec.Meta(max_length=2000)]


class Ended(msgspec.Struct, frozen=True, array_like=True):
    """A proposal that waits no more: `digest` is the SHA-256 of what was signed, `how` it ended, `by` whom (a note)."""

    role: RoleName
    version: int
    digest: Digest
    how: How
    by: ShortText
    at: float


class Looked(msgspec.Struct, frozen=True, array_like=True, tag="looked.1"):
    """What a look at a role shows: what waits (None: nothing), and what ended lately."""

    proposal: Proposal | None
    ended: Annotated[list[Ended], msgspec.Meta(max_length=100)]


class ApprovalRequest(msgspec.Struct, frozen=True, array_like=True, tag="approve.1"):
    """Approver -> signer. `key` is the SPKI (DER) of the role's key that signs. `body`: one part of a packed proposal (share),
    the digest of what was signed (withdraw), nothing (look). `nonce` is the same in all parts of a share. `signature`:
    ECDSA-SHA256 (DER) over "handrail approve v1" NUL fields."""

    action: Action
    organisation: OrganisationId
    role: RoleName
    key: Annotated[bytes, msgspec.Meta(max_length=512)]
    at: float
    nonce: Digest
    part: Annotated[int, msgspec.Meta(ge=1, le=MAX_PARTS)]
    parts: Annotated[int, msgspec.Meta(ge=1, le=MAX_PARTS)]
    body: Annotated[bytes, msgspec.Meta(max_length=MAX_BODY)]
    signature: Signature


class ApprovalAnswer(msgspec.Struct, frozen=True, array_like=True, tag="approved.1"):
    """Signer -> approver. `request` is the SHA-256 of the request document; `leaf` the signer's login certificate (DER);
    `signature` ECDSA-SHA256 (DER) of its key over "handrail approved v1" NUL fields. `body`: packed `Looked` for a look."""

    request: Digest
    outcome: Outcome
    text: Annotated[str, msgspec.Meta(max_length=1000)]
    body: Annotated[bytes, msgspec.Meta(max_length=MAX_PACKED + 4096)]
    issued: float
    leaf: Der
    signature: Signature


_REQUEST = b"handrail approve v1\0"
_ANSWER = b"handrail approved v1\0"
_REQUESTS = msgspec.msgpack.Decoder(ApprovalRequest)
_ANSWERS = msgspec.msgpack.Decoder(ApprovalAnswer)


def pack(document: Proposal | Looked) -> bytes:
    """A document compressed, as it travels.

    Raises:
        TrustError: it is larger than what can be sent.
    """
    packed = zlib.compress(msgspec.msgpack.encode(document), 9)
    if len(packed) > MAX_PACKED:
        raise TrustError(
            f"This decision has {len(packed)} bytes compressed, and at most {MAX_PACKED} can be mailed. Carry the organisation's "
            "directory to the next key holder on a disk (docs/ceremony.md), or approve fewer scripts at once."
        )
    return packed


def unpack(data: bytes, kind: type[T]) -> T:
    """Read what `pack` made, never growing beyond `MAX_UNPACKED`.

    Raises:
        RemoteProtocolError: it is no such document, or too large.
    """
    machine = zlib.decompressobj()
    try:
        plain = machine.decompress(data, MAX_UNPACKED)
        if not machine.eof or machine.unused_data:
            raise UndecodableMessage("a proposal that is cut short, or too large")
        return msgspec.msgpack.decode(plain, type=kind)
    except (zlib.error, ValueError, RecursionError) as error:
        raise UndecodableMessage(f"not a {kind.__name__}: {error}") from error


def make_request(
    key: PrivateKey,
    action: Action,
    *,
    organisation: str,
    role: str,
    at: float,
    nonce: bytes,
    part: int = 1,
    parts: int = 1,
    body: bytes = b"",
) -> bytes:
    """A signed request document."""
    plain = ApprovalRequest(action, organisation, role, key.public.spki, at, nonce, part, parts, body, b"")
    return msgspec.msgpack.encode(msgspec.structs.replace(plain, signature=key.sign(_REQUEST + signed_fields(plain))))


def is_request(data: bytes) -> bool:
    """Whether a document claims to be one of these requests (it is not judged)."""
    return len(data) > 10 and data[1:11] == b"\xa9approve.1"


def decode_request(data: bytes) -> ApprovalRequest:
    """Read a request and check that the key that it names has signed it (not whether that key may sign anything).

    Raises:
        RemoteProtocolError: too large, or no such document. TrustError: it was changed on its way.
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise RemoteProtocolError(f"A request of {len(data)} bytes; at most {MAX_REQUEST_BYTES} are read.")
    try:
        request: ApprovalRequest = _REQUESTS.decode(data)
    except (ValueError, RecursionError) as error:
        raise UndecodableMessage(f"not a request about approvals: {error}") from error
    if request.part > request.parts:
        raise UndecodableMessage("a part beyond the last")
    try:
        PublicKey.from_spki(request.key).verify(request.signature, _REQUEST + signed_fields(request))
    except TrustError as error:
        raise TrustError("The request was changed on its way: its signature does not hold.") from error
    return request


def make_answer(
    document: bytes,
    outcome: Outcome,
    text: str,
    *,
    key: PrivateKey,
    leaf: bytes,
    issued: float,
    body: bytes = b"",
) -> bytes:
    """The signer's answer to a request document."""
    digest = hashlib.sha256(document).digest()
    plain = ApprovalAnswer(digest, outcome, text[:1000], body, issued, leaf, b"")
    return msgspec.msgpack.encode(msgspec.structs.replace(plain, signature=key.sign(_ANSWER + signed_fields(plain))))


def judge_answer(data: bytes, *, document: bytes, root_der: bytes, wall: datetime) -> ApprovalAnswer:
    """Read the answer to `document` and check that the organisation's signer made it, for this very request.

    Raises:
        RemoteProtocolError: too large, or no such document.
        TrustError: it was changed, made by somebody else, or answers another request.
    """
    if len(data) > MAX_ANSWER_BYTES + 4096:
        raise RemoteProtocolError(f"An answer of {len(data)} bytes; at most {MAX_ANSWER_BYTES} are read.")
    try:
        answer: ApprovalAnswer = _ANSWERS.decode(data)
    except (ValueError, RecursionError) as error:
        raise UndecodableMessage(f"not an answer about approvals: {error}") from error
    try:
        check_chain([answer.leaf], root_der=root_der, expected=Role.SIGNER, purpose="login", wall=wall)
        PublicKey.of_certificate(answer.leaf).verify(answer.signature, _ANSWER + signed_fields(answer))
    except TrustError as error:
        raise TrustError(
            f"The answer about approvals was changed on its way, or the organisation's signer did not make it ({error}). Nothing "
            "was taken over; tell whoever runs the relay."
        ) from error
    if answer.request != hashlib.sha256(document).digest():
        raise TrustError(
            "The answer about approvals belongs to another request: the relay changed ours on its way, or played an older answer "
            "again. Nothing was taken over; tell whoever runs the relay."
        )
    return answer
