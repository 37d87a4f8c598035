"""Mouse and keyboard. Key values never reach a log."""

from typing import Annotated, ClassVar

import msgspec

from protocol.capabilities import Capability
from protocol.messages.base import Coordinate, Lane, Message, Sender


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
    keyboard; "text" makes `key` arrive whatever the assisted layout is.
    """

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.INPUT
    CAPABILITY: ClassVar = Capability.CONTROL
    code: Annotated[str, msgspec.Meta(max_length=32)]
    key: Annotated[str, msgspec.Meta(max_length=32)]
    pressed: bool
    mode: Annotated[str, msgspec.Meta(pattern=r"^(physical|text)\Z")] = "text"


class TypeText(Message, frozen=True, tag="input.type_text"):
    """T->A: types a text as if by keyboard, whatever the layout; "\\n" is Enter, "\\t" is Tab."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.INPUT
    CAPABILITY: ClassVar = Capability.CONTROL
    text: Annotated[str, msgspec.Meta(max_length=4000)]


class ReleaseAll(Message, frozen=True, tag="input.release_all"):
    """T->A: releases every key and button held by this session (the viewer lost focus)."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.INPUT
    CAPABILITY: ClassVar = Capability.CONTROL
