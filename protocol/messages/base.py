"""The base of every message and the few types that all features share."""

from enum import IntEnum, StrEnum
from typing import Annotated, ClassVar

import msgspec

from protocol.capabilities import Capability


class Lane(IntEnum):
    """Four lanes in order of urgency; a lower number always goes out first."""

    INPUT = 0
    CONTROL = 1
    SCREEN = 2
    BULK = 3


class Sender(StrEnum):
    """Who may send a message of a type. A message from the wrong side ends the session."""

    TECHNICIAN = "technician"
    AGENT = "agent"
    BOTH = "both"


class Message(msgspec.Struct, frozen=True, array_like=True, kw_only=False):
    """Base of every end-to-end message.

    Class attributes (not on the wire): `SENDER` who may send it, `LANE` which lane carries it, `CAPABILITY` what the
    technician must have been granted for the agent to act on it (None: needs an open session only).
    """

    SENDER: ClassVar[Sender]
    LANE: ClassVar[Lane] = Lane.CONTROL
    CAPABILITY: ClassVar[Capability | None] = None


class UnknownMessage(msgspec.Struct, frozen=True):
    """A well-formed message of a type this version does not know: noticed, logged, ignored."""

    tag: str


ShortText = Annotated[str, msgspec.Meta(max_length=200)]
LongText = Annotated[str, msgspec.Meta(max_length=4000)]
RequestId = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
Coordinate = Annotated[int, msgspec.Meta(ge=-32768, le=32767)]
Extent = Annotated[int, msgspec.Meta(ge=0, le=16384)]
