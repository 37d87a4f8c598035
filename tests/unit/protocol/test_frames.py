"""Frames, driven face to face in memory."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import LimitExceeded, LocalProtocolError, ProtocolError, RemoteProtocolError
from protocol.frames import BUCKETS, HEADER_BYTES, KIND_FRAGMENT, KIND_LAST, FrameConnection, padding_for, serialize_frame
from protocol.limits import LIMITS
from protocol.messages import Lane

SMALL = replace(
    LIMITS,
    fragment_bytes=100,
    message_bytes_control=4000,
    message_bytes_screen=6000,
    message_bytes_bulk=1000,
    credit_window_control=8000,
    credit_window_screen=8000,
    credit_window_bulk=4000,
)


def transfer(
    source: FrameConnection, target: FrameConnection, *, consume: bool = True, step: int = 7
) -> list[tuple[Lane, bytes]]:
    got: list[tuple[Lane, bytes]] = []
    while data := source.data_to_send():
        for at in range(0, len(data), step):
            for lane, message in target.receive_data(data[at : at + step]):
                got.append((lane, message))
                if consume:
                    target.consumed(lane, len(message))
        source.receive_data(target.data_to_send())
    return got


@given(st.lists(st.tuples(st.sampled_from(list(Lane)), st.binary(min_size=1, max_size=900)), max_size=40))
def test_every_message_arrives_whole_and_in_order_within_its_lane(messages: list[tuple[Lane, bytes]]) -> None:
    source, target = FrameConnection(SMALL), FrameConnection(SMALL)
    for lane, message in messages:
        source.send_message(lane, message)
    got = transfer(source, target)
    for lane in Lane:
        assert [m for at, m in got if at is lane] == [m for at, m in messages if at is lane]


def test_a_key_press_overtakes_a_picture_that_is_half_sent() -> None:
    source, target = FrameConnection(SMALL), FrameConnection(SMALL)
    source.send_message(Lane.SCREEN, b"p" * 5000)
    target.receive_data(source.data_to_send(max_bytes=300))
    source.send_message(Lane.INPUT, b"key")
    assert target.receive_data(source.data_to_send(max_bytes=1)) == [(Lane.INPUT, b"key")]


def test_a_receiver_that_does_not_consume_stops_the_sender() -> None:
    source, target = FrameConnection(SMALL), FrameConnection(SMALL)
    for _ in range(10):
        source.send_message(Lane.BULK, b"x" * 1000)
    assert len(transfer(source, target, consume=False)) == 4
    assert source.pending(Lane.BULK) == 6000
    target.consumed(Lane.BULK, 4000)
    source.receive_data(target.data_to_send())
    assert len(transfer(source, target)) == 6


def test_it_is_known_whether_there_is_anything_to_send() -> None:
    limits = replace(LIMITS, credit_window_screen=1000)
    sender, receiver = FrameConnection(limits), FrameConnection(limits)
    assert not sender.has_data
    sender.send_message(Lane.CONTROL, b"one")
    sender.send_message(Lane.SCREEN, bytes(501))
    sender.send_message(Lane.SCREEN, bytes(501))
    sent = b""
    while sender.has_data:
        sent += sender.data_to_send()
    assert sender.pending(Lane.SCREEN) == 2, "there is no credit for more"
    for lane, message in receiver.receive_data(sent):
        assert not receiver.has_data
        receiver.consumed(lane, len(message))
    assert receiver.has_data, "credit"
    assert receiver.data_to_send()
    assert not receiver.has_data


def test_a_sender_that_ignores_credit_is_refused() -> None:
    target = FrameConnection(SMALL)
    with pytest.raises(LimitExceeded, match="credit"):
        for _ in range(200):
            target.receive_data(serialize_frame(KIND_LAST, Lane.BULK, b"x" * 100))


def test_unearned_credit_is_refused() -> None:
    source, target = FrameConnection(SMALL), FrameConnection(replace(SMALL, credit_window_bulk=8000))
    target.consumed(Lane.BULK, 8000)
    with pytest.raises(RemoteProtocolError, match="credit"):
        source.receive_data(target.data_to_send())


@pytest.mark.parametrize("size", [0, 1, 58, 59, 200, 250, 251, 1018, 1019, 5000])
def test_small_frames_are_padded_to_buckets(size: int) -> None:
    total = HEADER_BYTES + size + padding_for(size)
    assert total in BUCKETS or size > 1018


def test_frames_of_different_keys_have_one_size() -> None:
    sizes = {len(serialize_frame(KIND_LAST, Lane.INPUT, b"k" * size)) for size in range(1, 59)}
    assert sizes == {64}


def test_bounds_come_before_reading() -> None:
    with pytest.raises(LimitExceeded):
        FrameConnection(SMALL).receive_data(bytes((KIND_LAST << 4,)) + (101).to_bytes(3, "big") + b"\0\0")
    target = FrameConnection(SMALL)
    with pytest.raises(LimitExceeded, match="larger"):
        for _ in range(60):
            target.receive_data(serialize_frame(KIND_FRAGMENT, Lane.BULK, b"x" * 100))


def test_what_cannot_be_sent_is_said_at_once() -> None:
    with pytest.raises(LocalProtocolError):
        FrameConnection(SMALL).send_message(Lane.BULK, b"")
    with pytest.raises(LocalProtocolError):
        FrameConnection(SMALL).send_message(Lane.BULK, b"x" * 1001)


def test_discard_drops_the_half_sent_rest() -> None:
    source, target = FrameConnection(SMALL), FrameConnection(SMALL)
    source.send_message(Lane.SCREEN, b"p" * 5000)
    target.receive_data(source.data_to_send(max_bytes=300))
    left = source.pending(Lane.SCREEN)
    assert 0 < left < 5000
    assert source.discard(Lane.SCREEN) == left
    assert source.pending(Lane.SCREEN) == 0
    source.send_message(Lane.CONTROL, b"end")
    assert transfer(source, target) == [(Lane.CONTROL, b"end")]


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_garbage_raises_only_what_is_documented(data: bytes) -> None:
    target = FrameConnection(SMALL)
    try:
        target.receive_data(data)
    except ProtocolError as error:
        assert isinstance(error, RemoteProtocolError)
