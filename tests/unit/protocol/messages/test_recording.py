"""What stands on the wire about recordings."""

import msgspec
import pytest

from protocol.capabilities import Capability
from protocol.errors import UndecodableMessage
from protocol.messages import decode_message, rule_of
from protocol.messages.recording import RecordingStart, RecordingState, RecordingStop


def test_beginning_needs_the_capability_and_ending_does_not() -> None:
    assert rule_of(RecordingStart(1)).capability is Capability.RECORDING
    assert rule_of(RecordingStop()).capability is None


def test_who_ended_it_is_a_short_word() -> None:
    assert decode_message(msgspec.msgpack.encode(["recording.state", True])) == RecordingState(True)
    with pytest.raises(UndecodableMessage):
        decode_message(msgspec.msgpack.encode(["recording.state", False, 0, "x" * 201]))
