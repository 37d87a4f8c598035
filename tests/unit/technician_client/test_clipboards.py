"""The clipboard against the device's own part, with a clipboard in memory behind it, and against a device that lies."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from agent.backends.clipboard import Offer
from agent.features.clipboard import PNG, ClipboardFeature
from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.messages import Message
from protocol.messages.clipboard import IMAGE_BYTES, TEXT_BYTES, ClipboardPart, Kind
from technician_client.clipboards import get_clipboard, put_clipboard
from tests.kit.file_wire import FileWire


class Memory:
    """A clipboard."""

    def __init__(self) -> None:
        self.kind: Kind = "text"
        self.data = b""

    def offer(self) -> Offer:
        return Offer((self.kind,))

    def read(self, kind: Kind) -> bytes:
        if kind != self.kind:
            raise Refused("not there", reason=RefusalReason.NOT_FOUND)
        return self.data

    def write(self, kind: Kind, data: bytes) -> None:
        self.kind, self.data = kind, data

    def close(self) -> None:
        self.data = b""


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[FileWire]:
    made = FileWire(tmp_path, kind=ClipboardFeature)
    assert isinstance(made.feature, ClipboardFeature)
    made.feature._clipboard = Memory()
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("kind", "data"), [("text", "Grüße".encode()), ("text", b"x" * TEXT_BYTES), ("image", PNG + bytes(3_000_000))]
)
async def test_contents_go_there_and_back(wire: FileWire, kind: Kind, data: bytes) -> None:
    await put_clipboard(wire, kind, data)
    assert await get_clipboard(wire, kind) == data
    assert [action for action, _ in wire.context.audited] == ["clipboard written", "clipboard read"]


@pytest.mark.parametrize(("kind", "data"), [("text", b""), ("text", bytes(TEXT_BYTES + 1)), ("image", bytes(IMAGE_BYTES + 1))])
async def test_what_is_too_much_does_not_leave(wire: FileWire, kind: Kind, data: bytes) -> None:
    with pytest.raises(Refused):
        await put_clipboard(wire, kind, data)
    assert wire.said == []


async def test_refusals_come_back(wire: FileWire) -> None:
    with pytest.raises(Refused, match="not a PNG"):
        await put_clipboard(wire, "image", b"GIF89a")
    await put_clipboard(wire, "text", b"text")
    with pytest.raises(Refused, match="not there"):
        await get_clipboard(wire, "image")


@pytest.mark.parametrize("lie", [{"size": TEXT_BYTES + 1}, {"offset": 1}, {"size": 2}, {"data": b"\xff" * 6}])
async def test_a_device_that_lies_is_caught(wire: FileWire, lie: dict[str, object]) -> None:
    await put_clipboard(wire, "text", b"secret")

    def edit(message: Message) -> Message:
        return msgspec.structs.replace(message, **lie) if isinstance(message, ClipboardPart) else message

    wire.edit = edit
    with pytest.raises(HandrailError):
        await get_clipboard(wire, "text")
