"""The clipboard, in two switches: what the technician puts there, and what they may read.

Contents travel in parts on the bulk lane, acknowledged like the pieces of a file, so that a picture holds nobody's keys up. A
change is announced by kind and size alone; the contents leave when they are asked for.
"""

from typing import Annotated, ClassVar, Final, Literal

import msgspec

from protocol.capabilities import Capability
from protocol.messages.base import Lane, Message, RequestId, Sender

TEXT_BYTES: Final = 1024 * 1024
IMAGE_BYTES: Final = 16 * 1024 * 1024
PART_BYTES: Final = 64 * 1024

Kind = Literal["text", "image"]
Amount = Annotated[int, msgspec.Meta(ge=0, le=IMAGE_BYTES)]
Part = Annotated[bytes, msgspec.Meta(min_length=1, max_length=PART_BYTES)]


def most_bytes(kind: Kind) -> int:
    """The most that the clipboard may carry of a kind (text as UTF-8, an image as PNG)."""
    return TEXT_BYTES if kind == "text" else IMAGE_BYTES


class ClipboardWatch(Message, frozen=True, tag="clipboard.watch"):
    """T->A: from now on say when the clipboard changes; answered by `ClipboardChanged` with what is there now."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.CLIPBOARD_OUT


class ClipboardChanged(Message, frozen=True, tag="clipboard.changed"):
    """A->T: something else is on the clipboard. `serial` counts changes; `kinds` can be asked for. `concealed`: the program there
    marked it as a secret, so it is not for reading. `ours`: it is what the technician put there."""

    SENDER: ClassVar = Sender.AGENT
    serial: RequestId
    kinds: Annotated[list[Kind], msgspec.Meta(max_length=2)] = []
    concealed: bool = False
    ours: bool = False


class ClipboardGet(Message, frozen=True, tag="clipboard.get"):
    """T->A: what is on the clipboard, as this kind. Answered by `ClipboardPart`s or a refusal."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.CLIPBOARD_OUT
    request: RequestId
    kind: Kind


class ClipboardPart(Message, frozen=True, tag="clipboard.part"):
    """A->T: a part of what was asked for, in order; `size` bytes in all, at most `most_bytes`."""

    SENDER: ClassVar = Sender.AGENT
    LANE: ClassVar = Lane.BULK
    request: RequestId
    size: Amount
    offset: Amount
    data: Part


class ClipboardTaken(Message, frozen=True, tag="clipboard.taken"):
    """T->A: the first `offset` bytes have come."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.CLIPBOARD_OUT
    request: RequestId
    offset: Amount


class ClipboardPut(Message, frozen=True, tag="clipboard.put"):
    """T->A: a part of what is to be on the clipboard there, in order. When all of it has come it is put there and answered by
    `ClipboardSet`; before that by `ClipboardStored`."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.BULK
    CAPABILITY: ClassVar = Capability.CLIPBOARD_IN
    request: RequestId
    kind: Kind
    size: Amount
    offset: Amount
    data: Part


class ClipboardStored(Message, frozen=True, tag="clipboard.stored"):
    """A->T: the first `offset` bytes have come."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
    offset: Amount


class ClipboardSet(Message, frozen=True, tag="clipboard.set"):
    """A->T: it is on the clipboard now."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
