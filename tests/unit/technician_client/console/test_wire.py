"""The console's wire: vectors, what a page may say, and pictures that lie."""

import json
import zlib

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import RemoteProtocolError, UndecodableMessage
from protocol.messages import Message, decode_message, encode_message
from protocol.messages.chat import ChatMessage
from protocol.messages.input import Key, PointerMove, ReleaseAll
from protocol.messages.screen import Copy, CursorShape, Operation, ScreenLayout, ScreenUpdate, Tile, Video
from technician_client.console.pixels import TileReader, swap_by_numpy
from technician_client.console.wire import (
    OPERATION_HEADER,
    UPDATE_HEADER,
    Area,
    AskCapability,
    EndSession,
    FromBrowserMessage,
    StartForward,
    StopForward,
    UpdateWriter,
    carried_bytes,
    read_page,
    weight_of,
    write_cursor,
    write_message,
)
from tests.vectors.console.make import FOLDER, files
from tests.vectors.examples import MESSAGES as EXAMPLES

AREA = Area(64, 48)


def test_the_vectors_are_what_this_version_writes() -> None:
    for name, content in files().items():
        assert (FOLDER / name).read_text("utf-8") == content, f"{name}: run python -m tests.vectors.console.make"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('["input.pointer_move", 5, 6]', PointerMove(5, 6)),
        ('["input.key", "KeyE", "é", true, "text"]', Key("KeyE", "é", True, "text")),
        ('["input.release_all"]', ReleaseAll()),
        ('["chat.message", "<b>", 1.5]', ChatMessage("<b>", 1.5)),
        ('{"type": "ask", "capability": "control", "reason": "x"}', AskCapability("control", "x")),  # type: ignore[arg-type]
        ('{"type": "end"}', EndSession()),
        ('{"type": "forward", "port": 5432, "local": null, "host": "127.0.0.1"}', StartForward(5432)),
        ('{"type": "forward", "port": 80, "local": 0, "host": "printer.example"}', StartForward(80, 0, "printer.example")),
        ('{"type": "forward_stop", "number": 3}', StopForward(3)),
    ],
)
def test_what_a_page_may_say(text: str, message: object) -> None:
    assert read_page(text) == message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '["session.hello", 1, [], "", "", 0, ""]',
        '["session.capability_ask", 1, "view", ""]',
        '["session.welcome", ["view"], 1, "x", true, false]',
        '["session.end", "x", "", ""]',
        '["screen.update", 1, 1, 1, [], true]',
        '["input.pointer_move", 99999, 6]',
        '["input.pointer_move", "5", 6]',
        '["input.key", "KeyE", "e", true, "raw"]',
        '["input.pointer_button", 1, 1, 9, true]',
        '{"type": "ask", "capability": "everything"}',
        '{"type": "end", "more": 1}',
        '{"type": "welcome"}',
        '{"type": "forward", "port": 0}',
        '{"type": "forward", "port": 80, "local": 65536}',
        '{"type": "forward", "port": 80, "host": ""}',
        "[" * 5000,
        '["chat.message", "\ud800", 1]',
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UndecodableMessage):
        read_page(text)


@pytest.mark.parametrize(
    "operation",
    [
        Copy(0, 0, 65, 1, 0, 0),
        Copy(0, 0, 64, 48, 1, 0),
        Copy(0, 0, 64, 48, 0, 1),
        Copy(0, 0, 0, 48, 0, 0),
        Tile(60, 0, 5, 1, "fill", b"abc"),
        Tile(0, 0, 5, 1, "fill", b"ab"),
        Tile(0, 47, 1, 2, "zstd-bgr", zstandard.compress(bytes(6))),
        Tile(0, 0, 2, 2, "zstd-bgr", zstandard.compress(bytes(6))),
        Video(0, 0, 64, 49, 1, "avc1.64002A", True, b"x"),
        Video(0, 0, 64, 48, -1, "avc1.64002A", True, b"x"),
        Video(0, 0, 64, 48, 1, "é", True, b"x"),
        Video(0, 0, 64, 48, 1, "a" * 65, True, b"x"),
    ],
)
def test_an_operation_outside_the_picture_is_refused(operation: Operation) -> None:
    with pytest.raises(RemoteProtocolError):
        UpdateWriter().write(ScreenUpdate(1, 1, 1, [operation]), AREA)


@pytest.mark.parametrize(("sequence", "epoch", "captured"), [(-1, 1, 1), (2**53, 1, 1), (1, -1, 1), (1, 2**32, 1), (1, 1, 2**63)])
def test_numbers_that_the_page_could_not_hold_are_refused(sequence: int, epoch: int, captured: int) -> None:
    with pytest.raises(RemoteProtocolError):
        UpdateWriter().write(ScreenUpdate(sequence, epoch, captured, []), AREA)


def test_more_operations_than_a_picture_can_need_are_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        UpdateWriter().write(ScreenUpdate(1, 1, 1, [Copy(0, 0, 1, 1, 1, 1)] * 65536), AREA)


@pytest.mark.parametrize(
    "data", [b"", b"junk", zlib.compress(bytes(15)), zlib.compress(bytes(17)), zlib.compress(bytes(1 << 24))]
)
def test_a_pointer_that_is_not_its_pixels_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        write_cursor(CursorShape(1, 2, 2, 0, 0, data))


def test_text_of_devices_stays_text() -> None:
    said = write_message(ChatMessage('<img src=x onerror="alert(1)">\u2028', 0.0))
    assert json.loads(said) == ["chat.message", '<img src=x onerror="alert(1)">\u2028', 0.0, ""]


NUMBERS = st.integers() | st.sampled_from([2**31, 2**53, 2**63, 2**64, -(2**63) - 1, 10**40]) | st.floats()
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | NUMBERS
    | st.text(max_size=40)
    | st.sampled_from(["view", "pen", "text", "auto", "bHMK", "\ud800"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
EVERY_KIND = tuple(kind.__struct_config__.tag for kind in FromBrowserMessage.__args__)
COMMAND_FIELDS = ("capability", "reason", "on", "text", "port", "local", "host", "number", "more")
COMMANDS = st.builds(
    lambda kind, fields: {"type": kind} | fields,
    st.sampled_from(["ask", "end", "record", "note", "forward", "forward_stop", "other"]),
    st.dictionaries(st.sampled_from(COMMAND_FIELDS), ANYTHING, max_size=4),
)


def understood(text: str) -> None:
    """Either it is refused by name, or it goes on to the device as the very message that was read."""
    try:
        said = read_page(text)
    except UndecodableMessage:
        return
    if isinstance(said, Message):
        assert isinstance(said, FromBrowserMessage)
        assert repr(decode_message(encode_message(said))) == repr(said)


@pytest.mark.parametrize("tag", EVERY_KIND)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_whatever_a_page_says_is_refused_or_can_be_sent_on(tag: str, data: st.DataObject) -> None:
    """Each kind with genuine fields, of which some are exchanged for anything, left out or doubled."""
    genuine = [json.loads(write_message(one)) for one in EXAMPLES if one.__struct_config__.tag == tag]
    fields = list(data.draw(st.sampled_from(genuine)))
    for at in data.draw(st.lists(st.integers(0, len(fields)), max_size=3)):
        fields[at : at + data.draw(st.integers(0, 2))] = data.draw(st.lists(ANYTHING, max_size=2))
    understood(json.dumps(fields))


@settings(max_examples=300, deadline=None)
@given(COMMANDS.map(json.dumps) | ANYTHING.map(json.dumps) | st.text(max_size=200))
def test_whatever_is_no_message_is_refused_or_a_command(text: str) -> None:
    understood(text)


@pytest.mark.parametrize(
    "text",
    [
        '["screen.ack", 99999999999999999999999999, 1.0, 1]',
        '["screen.ack", 1, 1.0, 99999999999999999999999999]',
        '["fixes.run", 1, "x", {"a": 99999999999999999999}, "", ""]',
        '["fixes.run", 1, "x", {"a": -9223372036854775809}, "", ""]',
    ],
)
def test_a_number_that_the_wire_cannot_carry_is_refused(text: str) -> None:
    with pytest.raises(UndecodableMessage):
        read_page(text)


def test_every_kind_that_a_page_may_send_has_an_example() -> None:
    assert {one.__struct_config__.tag for one in EXAMPLES} >= set(EVERY_KIND)


def test_weights() -> None:
    update: Message = ScreenUpdate(1, 1, 1, [Tile(0, 0, 10, 10, "zstd-bgr", b"1234"), Copy(0, 0, 5, 5, 0, 0)])
    assert (weight_of(update), carried_bytes(update)) == (400, 4)
    assert (weight_of(ReleaseAll()), carried_bytes(CursorShape(1, 0, 0, 0, 0, b"123"))) == (0, 3)


def test_kept_pixels_come_back_until_the_layout_changes() -> None:
    def paint(tile: Tile) -> bytes:
        data = writer.write(ScreenUpdate(1, 1, 1, [tile]), AREA)
        return bytes(data[UPDATE_HEADER.size + OPERATION_HEADER.size :])

    writer = UpdateWriter(TileReader(swap_by_numpy))
    pixels = bytes(range(12))
    kept = Tile(3, 4, 2, 2, "kept", b"")
    assert paint(kept) == bytes((0, 0, 0, 255)) * 4
    shown = paint(Tile(3, 4, 2, 2, "zstd-bgr", zstandard.compress(pixels), True))
    assert paint(Tile(3, 4, 2, 2, "fill", b"abc")) == b"cba\xff"
    assert paint(kept) == shown
    paint(Tile(3, 4, 2, 2, "fill", b"abc", True))
    assert paint(kept) == b"cba\xff" * 4
    writer.forget()
    assert paint(kept) == bytes((0, 0, 0, 255)) * 4


def test_an_area_has_so_many_pixels_at_most() -> None:
    assert Area.of(ScreenLayout(1, 7680, 4320)) == Area(7680, 4320)
    with pytest.raises(RemoteProtocolError, match="larger"):
        Area.of(ScreenLayout(1, 16384, 16384))
