"""What stands on the wire about restarts."""

import msgspec
import pytest

from protocol.capabilities import Capability
from protocol.errors import UndecodableMessage
from protocol.messages import decode_message, rule_of
from protocol.messages.power import RebootRequest, RebootState


def test_a_restart_needs_its_capability() -> None:
    assert rule_of(RebootRequest(1)).capability is Capability.REBOOT


def test_the_stages_are_these_two() -> None:
    assert decode_message(msgspec.msgpack.encode(["power.state", 1, "restarting"])) == RebootState(1, "restarting")
    with pytest.raises(UndecodableMessage):
        decode_message(msgspec.msgpack.encode(["power.state", 1, "burning"]))
