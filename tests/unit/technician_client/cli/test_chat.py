"""`handrail chat`: lines there and back, through a pipe."""

import io
import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from protocol.capabilities import Capability
from protocol.errors import RefusalReason
from protocol.messages import Message
from protocol.messages.chat import ChatMessage
from protocol.messages.session import Refusal
from tests.kit.commands import handrail
from tests.kit.organisation import Organisation
from tests.kit.switchboard import Keys, SimulatedDevice, Switchboard, keys_of, running


@pytest.fixture
def device() -> SimulatedDevice:
    return SimulatedDevice(Organisation(), label="Till 1", group="tills")


@pytest.fixture
async def keys(device: SimulatedDevice) -> AsyncIterator[Keys]:
    async with running(Switchboard(device.organisation, device)) as board:
        yield keys_of(board.organisation, board.organisation.technician(), board.url)


def said(device: SimulatedDevice) -> list[str]:
    return [message.text for message in device.received if isinstance(message, ChatMessage)]


async def test_a_pipe_is_said_and_the_answer_printed(
    keys: Keys, device: SimulatedDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(message: Message) -> Sequence[Message]:
        return [ChatMessage(f"you said {message.text[:10]} \x1b[2J")] if isinstance(message, ChatMessage) else []

    device.answers = answer
    monkeypatch.setattr(sys, "stdin", io.StringIO("one\ntwo" + "x" * 5000))
    ran = await handrail(tmp_path, keys, "chat", "till", "--wait", "0.5")
    assert ran.code == 0, ran.err
    assert said(device) == ["one", "two" + "x" * 3997, "x" * 1003]
    assert ran.out.splitlines()[0] == "you said one \\x1b[2J"
    assert device.consents[0].wanted == [Capability.CHAT]


async def test_lines_nobody_sees_are_an_error(
    keys: Keys, device: SimulatedDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = Refusal("chat.message", 0, RefusalReason.NOBODY_TO_ASK, "Nobody has a window open.")
    device.answers = lambda message: [refusal] if isinstance(message, ChatMessage) else []
    reading, writing = os.pipe()  # its end never comes
    with os.fdopen(reading) as lines, os.fdopen(writing, "w") as ours:
        monkeypatch.setattr(sys, "stdin", lines)
        ours.write("hello\n")
        ours.flush()
        ran = await handrail(tmp_path, keys, "chat", "till", "--json")
        ours.close()
    assert ran.code == 5
    assert ran.json["error"]["reason"] == "nobody_to_ask"
