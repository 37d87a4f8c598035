"""Mouse and keyboard. Key values never reach a log."""

from typing import Annotated, ClassVar

import msgspec

from protocol.capabilities import Capability
from protocol.messages.base import Coordinate, Lane, Message, RequestId, Sender, ShortText


class PointerMove(Message, frozen=True, tag="input.pointer_move"):
    """T->A: the pointer in source pixels of the layout being watched."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.INPUT
    CAPABILITY: ClassVar = Capability.CONTROL
    x: Coordinate
    y: Coordinate


class PointerButton(Message, frozen=True, tag="input.pointer_button"):
    """T->A: `button` as in the DOM: 0 left, 1 middle, 2 right, 3 back, 4 forward."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.INPUT
    CAPABILITY: ClassVar = Capability.CONTROL
    x: Coordinate
    y: Coordinate
    button: Annotated[int, msgspec.Meta(ge=0, le=4)]
    pressed: bool


class PointerWheel(Message, frozen=True, tag="input.pointer_wheel"):
    """T->A: wheel turn in 1/120 of a notch (as Windows and libinput count); positive is right and down."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.INPUT
    CAPABILITY: ClassVar = Capability.CONTROL
    x: Coordinate
    y: Coordinate
    dx: Annotated[int, msgspec.Meta(ge=-12000, le=12000)]
    dy: Annotated[int, msgspec.Meta(ge=-12000, le=12000)]


class Key(Message, frozen=True, tag="input.key"):
    """T->A: one key. `code` is the physical key (UI Events KeyboardEvent.code, e.g. "KeyA"), `key` what the technician's layout
    makes of it (KeyboardEvent.key, e.g. "a", "é", "Enter"). `mode`: "physical" injects the key at that place of the assisted
    keyboard; "text" makes `key` arrive whatever the assisted layout is; "auto" presses and holds the key at that place where it
    makes `key` there too, and is "text" where it does not. A repeat is a further press.
    """

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.INPUT
    CAPABILITY: ClassVar = Capability.CONTROL
    code: Annotated[str, msgspec.Meta(max_length=32)]
    key: Annotated[str, msgspec.Meta(max_length=32)]
    pressed: bool
    mode: Annotated[str, msgspec.Meta(pattern=r"^(physical|text|auto)\Z")] = "text"


class TypeText(Message, frozen=True, tag="input.type_text"):
    """T->A: types a text as if by keyboard, whatever the layout; "\\n" is Enter, "\\t" is Tab."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.INPUT
    CAPABILITY: ClassVar = Capability.CONTROL
    text: Annotated[str, msgspec.Meta(max_length=4000)]


class TypePiece(Message, frozen=True, tag="input.type_piece"):
    """T->A: like `TypeText`, a piece of a longer text; answered by `Typed` when it has been typed. Whoever types a long text
    sends the next piece then: so it can be stopped, and other keys never wait for more than one piece."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.INPUT
    CAPABILITY: ClassVar = Capability.CONTROL
    request: RequestId
    text: Annotated[str, msgspec.Meta(max_length=200)]


class Typed(Message, frozen=True, tag="input.typed"):
    """A->T: the piece `request` was typed; `missed` characters of it cannot be made by that keyboard."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
    missed: Annotated[int, msgspec.Meta(ge=0, le=200)] = 0


class LockKeys(Message, frozen=True, tag="input.locks"):
    """T->A: turn Caps Lock and Num Lock on or off there (null: as it is). What this changes is put back with the next
    `ReleaseAll`, and at the end, unless somebody has changed it meanwhile or `keep` says that it stays."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.INPUT
    CAPABILITY: ClassVar = Capability.CONTROL
    caps: bool | None = None
    num: bool | None = None
    keep: bool = False


class KeyboardState(Message, frozen=True, tag="input.keyboard"):
    """A->T: the layouts of the assisted keyboard (names as in `setxkbmap`, "" unknown) and which of its locks are on (null: it
    has none, or it cannot be told), once control is first used, and whenever they have changed since."""

    SENDER: ClassVar = Sender.AGENT
    layouts: ShortText
    caps: bool | None = None
    num: bool | None = None


class ReleaseAll(Message, frozen=True, tag="input.release_all"):
    """T->A: releases every key and button held by this session and puts the locks back (the viewer lost focus)."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.INPUT
    CAPABILITY: ClassVar = Capability.CONTROL
