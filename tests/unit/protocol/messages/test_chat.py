"""Bounds of chat."""

import msgspec
import pytest

from protocol.errors import UndecodableMessage
from protocol.messages import decode_message


def test_a_line_of_chat_is_bounded() -> None:
    with pytest.raises(UndecodableMessage):
        decode_message(msgspec.msgpack.encode(["chat.message", "x" * 4001, 0.0]))
