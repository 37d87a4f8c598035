"""What a peer and the relay say to each other on the control link.

MessagePack maps tagged by "type"; unknown keys are ignored. Nothing here is obeyed by an agent beyond carrying bytes to the right
place: labels, tickets and texts from the relay are unverified.

Roles: a `device` and a `technician` log in with a login leaf issued by their CA; the `signer` with one issued by the root itself;
a `guest`, a device that is not enrolled, with the ephemeral certificate that it issued to itself: it proves its key, no more.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from protocol.errors import RefusalReason

ShortText = Annotated[str, msgspec.Meta(max_length=200)]
# `\Z`, not `$`: the latter also matches before a final newline.
PeerId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]{1,40}\Z")]
PeerOrNobody = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]{0,40}\Z")]
OrganisationId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}\Z")]
Ticket = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{20,64}\Z")]
RequestId = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
Certificate = Annotated[bytes, msgspec.Meta(max_length=4096)]
WantedTier = Annotated[int, msgspec.Meta(ge=0, le=3)]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**6)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=10**7)]


class Role(StrEnum):
    """Who is on the link."""

    DEVICE = "device"
    TECHNICIAN = "technician"
    SIGNER = "signer"
    GUEST = "guest"


class LinkMessage(msgspec.Struct, frozen=True, tag_field="type"):
    """Base of every link message."""


class Challenge(LinkMessage, frozen=True, tag="challenge"):
    """R->P, first. `nonce` is 32 random bytes; `relay` the relay's own origin as it knows it (e.g. "https://relay.example:8443")."""

    nonce: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    relay: ShortText
    protocol: int


class Login(LinkMessage, frozen=True, tag="login"):
    """P->R: `chain` is [login leaf, issuing CA] (signer: [login leaf]; guest: [its one]); `signature` is ECDSA-SHA256 (DER) over
    "handrail login v1" NUL origin NUL nonce NUL role, where origin is the one the peer dialled. `label` is unverified."""

    role: Role
    chain: Annotated[list[Certificate], msgspec.Meta(min_length=1, max_length=2)]
    signature: Annotated[bytes, msgspec.Meta(max_length=256)]
    protocol: int
    label: Annotated[str, msgspec.Meta(max_length=100)] = ""
    platform: Annotated[str, msgspec.Meta(max_length=100)] = ""


class LoggedIn(LinkMessage, frozen=True, tag="logged_in"):
    """R->P: welcome; `peer` is the id from the certificate's SAN."""

    peer: PeerId
    organisation: OrganisationId
    heartbeat_seconds: Seconds


class LoginRefused(LinkMessage, frozen=True, tag="login_refused"):
    """R->P, then the link closes."""

    reason: RefusalReason
    text: ShortText


class HelpRequest(LinkMessage, frozen=True, tag="help.request"):
    """A->R: the user wants help and will read out a code. `text`: one line "what is wrong". `tier`: a technician who is there
    already has a further one called, of this tier or above (0: nobody is there yet). `peer`: the technician of this id is meant
    ("": whoever has the tier); it is a hint to their program, which asks the device itself who calls."""

    request: RequestId
    text: Annotated[str, msgspec.Meta(max_length=500)] = ""
    tier: WantedTier = 0
    peer: PeerOrNobody = ""


class HelpCode(LinkMessage, frozen=True, tag="help.code"):
    """R->A: the code (9 digits, shown in groups of three) and how long it lives."""

    request: RequestId
    code: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{9}\Z")]
    seconds: Seconds


class HelpPlace(LinkMessage, frozen=True, tag="help.place"):
    """R->A: of the `waiting` devices of this organisation, `ahead` asked for help before this one. Sent when that changes."""

    request: RequestId
    ahead: Count
    waiting: Count


class HelpCancel(LinkMessage, frozen=True, tag="help.cancel"):
    """A->R: forget the code."""

    request: RequestId


class CodeRedeem(LinkMessage, frozen=True, tag="code.redeem"):
    """T->R: open a tunnel to the device whose code this is."""

    request: RequestId
    code: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{9}\Z")]


class DeviceAsk(LinkMessage, frozen=True, tag="device.ask"):
    """T->R: open a tunnel to a known device, by id."""

    request: RequestId
    device: PeerId


class TunnelOffer(LinkMessage, frozen=True, tag="tunnel.offer"):
    """R->T and R->A: your end's single-use ticket. `peer` and `label` of the other end are unverified; `by_code`: a code led
    here. `request` answers the technician's request; on the device it is 0, or that of the `HelpRequest` whose code was used."""

    request: RequestId
    ticket: Ticket
    peer: PeerId
    label: Annotated[str, msgspec.Meta(max_length=100)]
    by_code: bool
    seconds: Seconds


class DevicesQuery(LinkMessage, frozen=True, tag="devices.query"):
    """T->R: which devices are there. `text` filters id and label; `cursor` pages on."""

    request: RequestId
    text: Annotated[str, msgspec.Meta(max_length=100)] = ""
    cursor: ShortText = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 200


class DeviceRow(msgspec.Struct, frozen=True):
    """One device as the relay knows it: everything but the id is unverified. Times are seconds since 1970."""

    id: PeerId
    label: Annotated[str, msgspec.Meta(max_length=100)]
    platform: Annotated[str, msgspec.Meta(max_length=100)]
    online: bool
    last_seen: float
    waiting: bool = False
    waiting_text: Annotated[str, msgspec.Meta(max_length=500)] = ""
    waiting_since: float = 0.0
    waiting_tier: WantedTier = 0
    waiting_peer: PeerOrNobody = ""


class DevicesPage(LinkMessage, frozen=True, tag="devices.page"):
    """R->T: answer; `cursor` is "" on the last page."""

    request: RequestId
    devices: Annotated[list[DeviceRow], msgspec.Meta(max_length=500)]
    cursor: ShortText = ""


class DevicesChanged(LinkMessage, frozen=True, tag="devices.changed"):
    """R->T: these rows changed since the technician last asked (sent only after a first `DevicesQuery`; coalesced)."""

    devices: Annotated[list[DeviceRow], msgspec.Meta(max_length=500)]


class ColleaguesQuery(LinkMessage, frozen=True, tag="colleagues.query"):
    """T->R: which technicians of the organisation are logged in."""

    request: RequestId


class ColleaguesOnline(LinkMessage, frozen=True, tag="colleagues.online"):
    """R->T: answer, ids alone: names and tiers stand in the organisation's signed list. At most 500, the asking one left out."""

    request: RequestId
    peers: Annotated[list[PeerId], msgspec.Meta(max_length=500)]


class MailSend(LinkMessage, frozen=True, tag="mail.send"):
    """P->R: keep this document for `recipient` ("signer" or a peer id of the same organisation) until it acknowledges."""

    request: RequestId
    recipient: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]{1,40}\Z")]
    kind: Annotated[str, msgspec.Meta(pattern=r"^[a-z_.]{1,40}\Z")]
    body: Annotated[bytes, msgspec.Meta(max_length=128 * 1024)]


class MailDeliver(LinkMessage, frozen=True, tag="mail.deliver"):
    """R->P: a document. `sender` is what the relay says (unverified): the document's own signature or tag counts."""

    mail: Annotated[str, msgspec.Meta(max_length=40)]
    sender: Annotated[str, msgspec.Meta(max_length=60)]
    kind: Annotated[str, msgspec.Meta(max_length=40)]
    body: Annotated[bytes, msgspec.Meta(max_length=128 * 1024)]


class MailAck(LinkMessage, frozen=True, tag="mail.ack"):
    """P->R: the document has been dealt with and may be forgotten."""

    mail: Annotated[str, msgspec.Meta(max_length=40)]


class UploadAsk(LinkMessage, frozen=True, tag="upload.ask"):
    """S->R: the signer wants to publish TUF files by HTTP PUT."""

    request: RequestId


class UploadTicket(LinkMessage, frozen=True, tag="upload.ticket"):
    """R->S: bearer for PUT /tuf/<organisation>/<path>, usable for `seconds`."""

    request: RequestId
    ticket: Ticket
    seconds: Seconds


class RepositoryChanged(LinkMessage, frozen=True, tag="repository.changed"):
    """R->P: a new timestamp.json was uploaded (a hint to refresh; nothing more)."""


class Done(LinkMessage, frozen=True, tag="done"):
    """R->P: the request was carried out."""

    request: RequestId


class Failed(LinkMessage, frozen=True, tag="failed"):
    """R->P: the request was not carried out; `text` says what to do."""

    request: RequestId
    reason: RefusalReason
    text: ShortText


class Reconnect(LinkMessage, frozen=True, tag="reconnect"):
    """R->P: the relay is going away; come back after `seconds`."""

    seconds: Seconds


AnyLinkMessage = (
    Challenge
    | Login
    | LoggedIn
    | LoginRefused
    | HelpRequest
    | HelpCode
    | HelpPlace
    | HelpCancel
    | CodeRedeem
    | DeviceAsk
    | TunnelOffer
    | DevicesQuery
    | DevicesPage
    | DevicesChanged
    | ColleaguesQuery
    | ColleaguesOnline
    | MailSend
    | MailDeliver
    | MailAck
    | UploadAsk
    | UploadTicket
    | RepositoryChanged
    | Done
    | Failed
    | Reconnect
)
