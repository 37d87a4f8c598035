"""Several technicians with one device: who is there, who has mouse and keyboard, and calling in a further one.

Every technician has a session, a tunnel and the user's consent of their own. What one of them tells another goes through the
agent, end to end on both ways; the relay hears none of it.
"""

from typing import Annotated, ClassVar, Literal

import msgspec

from protocol.capabilities import Capability, Tier
from protocol.messages.base import LongText, Message, RequestId, Sender, ShortText

MOST_PEOPLE = 16
Number = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
TierNumber = Annotated[int, msgspec.Meta(ge=0, le=int(Tier.THIRD))]
NOTE_CHARACTERS = 2000
Note = Annotated[str, msgspec.Meta(max_length=NOTE_CHARACTERS)]
PeerOrNobody = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]{0,40}\Z")]


class Person(msgspec.Struct, frozen=True, array_like=True):
    """One technician with a session, as certified. `number` stands for them in `HandOver` and the like; `you`: it is the
    receiver. `lost_at`: their connection was lost then (seconds since 1970) and may come back, and `granted` is what they
    would then have; 0: it stands."""

    number: Number
    name: ShortText
    tier: TierNumber
    granted: Annotated[list[Capability], msgspec.Meta(max_length=32)]
    you: bool = False
    lost_at: Annotated[float, msgspec.Meta(ge=0, le=2.0**33)] = 0.0


class People(Message, frozen=True, tag="colleagues.people"):
    """A->T: everybody who has a session with the device now, or had one until the connection was lost; sent first when one of
    several may be told, and at every change. `called`: a further technician is being called, of this tier or above (0: nobody
    is)."""

    SENDER: ClassVar = Sender.AGENT
    people: Annotated[list[Person], msgspec.Meta(max_length=MOST_PEOPLE)]
    called: TierNumber = 0


class Invite(Message, frozen=True, tag="colleagues.invite"):
    """T->A: have a technician of this tier or above called; the user is asked. `note` is for whoever comes, and reaches
    nobody else but the user; `peer`: only the technician of this id gets it ("": whoever comes first with the tier)."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.COLLEAGUES
    request: RequestId
    tier: Annotated[int, msgspec.Meta(ge=int(Tier.FIRST), le=int(Tier.THIRD))]
    note: Note = ""
    peer: PeerOrNobody = ""


class InviteCancel(Message, frozen=True, tag="colleagues.invite_cancel"):
    """T->A: nobody needs to come any more."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.COLLEAGUES


class InviteNotes(Message, frozen=True, tag="colleagues.notes"):
    """A->T, to whoever came because a technician was called: who called and what they wrote. `enough` False: this technician's
    tier is below the one that is called, and `note` is empty. `called_at` is seconds since 1970."""

    SENDER: ClassVar = Sender.AGENT
    name: ShortText
    tier: TierNumber
    note: Note
    called_at: float
    enough: bool = True


class ControlAsk(Message, frozen=True, tag="colleagues.control_ask"):
    """T->A: asks whoever has mouse and keyboard to hand them over."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.COLLEAGUES
    request: RequestId


class ControlAsked(Message, frozen=True, tag="colleagues.control_asked"):
    """A->T: technician `number` asks for mouse and keyboard. Answer with `HandOver` or `ControlKeep`. `open` False: they ask no
    longer."""

    SENDER: ClassVar = Sender.AGENT
    number: Number
    name: ShortText
    open: bool = True


class ControlKeep(Message, frozen=True, tag="colleagues.control_keep"):
    """T->A: no to `ControlAsked`."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.COLLEAGUES
    number: Number


class HandOver(Message, frozen=True, tag="colleagues.hand_over"):
    """T->A: technician `number` is to have mouse and keyboard instead of the sender; the user is asked."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.COLLEAGUES
    request: RequestId
    number: Number


class ColleaguesState(Message, frozen=True, tag="colleagues.state"):
    """A->T: how far a request has come: the user (`asking_user`) or the technician who has control (`asking_holder`) is asked, a
    technician is called (`called`; `seconds` until that runs out), control was handed over (`handed_over`), somebody of those who
    are called has come (`came`), nobody is called any more (`ended`: taken back, or run out). Of one who is called by name also:
    their program has shown them the call (`told`), they ask to come in (`joining`), they will not come (`declined`; `text` says
    who, and why if they did), they have not answered in time (`no_answer`); after the last two nobody is called any more. No is a
    `session.refusal`."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
    state: Literal[
        "asking_user",
        "asking_holder",
        "called",
        "handed_over",
        "came",
        "ended",
        "told",
        "joining",
        "declined",
        "no_answer",
    ]
    text: LongText = ""
    seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0
