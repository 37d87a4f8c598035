"""One exact picture as PNG."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import zstandard
from PIL import Image

from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Refused, RemoteProtocolError, Unavailable
from protocol.messages import Message
from protocol.messages.screen import Copy, ScreenAck, ScreenLayout, ScreenStart, ScreenState, ScreenStop, ScreenUpdate, Tile
from protocol.messages.session import Refusal
from technician_client.errors import SessionLost
from technician_client.link import RelayClient
from technician_client.screenshot import png, take_picture
from technician_client.sessions import Session
from technician_client.settings import Settings
from tests.kit.organisation import Organisation
from tests.kit.switchboard import SimulatedDevice, Switchboard, keys_of, running
from tests.kit.waiting import eventually_async


def tile(x: int, y: int, width: int, height: int, bgr: bytes) -> Tile:
    return Tile(x, y, width, height, "zstd-bgr", zstandard.ZstdCompressor().compress(bgr * (width * height)))


@pytest.fixture
def device() -> SimulatedDevice:
    return SimulatedDevice(Organisation())


@pytest.fixture
async def session(device: SimulatedDevice, tmp_path: Path) -> AsyncIterator[Session]:
    organisation = device.organisation
    async with (
        running(Switchboard(organisation, device)) as board,
        RelayClient(keys_of(organisation, organisation.technician(), board.url), Settings(tmp_path)) as relay,
        await Session.open(relay, device=device.peer, wanted=[Capability.VIEW]) as session,
    ):
        yield session


async def test_it_waits_for_the_exact_picture_and_stops_watching(session: Session, device: SimulatedDevice) -> None:
    def answers(message: Message) -> list[Message]:
        if not isinstance(message, ScreenStart):
            return []
        assert message.decoders == []  # no video: every pixel lossless
        return [
            ScreenUpdate(1, 0, 0, [Tile(0, 0, 1, 1, "fill", b"zzz")]),  # of a layout before ours
            ScreenLayout(1, 6, 4),
            ScreenUpdate(2, 1, 0, [tile(0, 0, 6, 4, b"\x10\x20\x30")]),
            ScreenUpdate(3, 0, 0, [tile(0, 0, 6, 4, b"\xff\xff\xff")], exact=True),  # stale
            ScreenUpdate(4, 1, 0, [Tile(0, 0, 1, 1, "fill", b"\x01\x02\x03"), Copy(5, 3, 1, 1, 0, 0)], exact=True),
        ]

    device.answers = answers
    picture = await take_picture(session, seconds=5)
    image = Image.open(io.BytesIO(png(6, 4, picture.rows())))
    assert (image.size, image.mode) == ((6, 4), "RGB")
    assert image.getpixel((0, 0)) == image.getpixel((5, 3)) == (3, 2, 1)
    assert image.getpixel((1, 1)) == (0x30, 0x20, 0x10)
    await eventually_async(lambda: any(isinstance(m, ScreenStop) for m in device.received), "the stop")
    acks = [m.sequence for m in device.received if isinstance(m, ScreenAck)]
    assert acks == [2, 3, 4]


async def test_no_display_is_said(session: Session, device: SimulatedDevice) -> None:
    device.answers = lambda m: [ScreenState("unavailable", "nobody is logged in")] if isinstance(m, ScreenStart) else []
    with pytest.raises(Unavailable, match="nobody is logged in"):
        await take_picture(session, seconds=5)


async def test_a_display_that_is_not_shown_is_said_at_once(session: Session, device: SimulatedDevice) -> None:
    no = Refusal("screen.start", 0, RefusalReason.POLICY, "The policy demands a recording.")
    device.answers = lambda m: [no] if isinstance(m, ScreenStart) else []
    with pytest.raises(Refused, match="demands a recording"):
        await take_picture(session, seconds=30)


async def test_patience_ends(session: Session) -> None:
    with pytest.raises(Unavailable, match="within"):
        await take_picture(session, seconds=0.05)


async def test_a_cut_is_said(session: Session, device: SimulatedDevice) -> None:
    def cut(_message: Message) -> list[Message]:
        device.cut()
        return []

    device.answers = cut
    with pytest.raises(SessionLost):
        await take_picture(session, seconds=5)


async def test_hostile_pixels_are_refused(session: Session, device: SimulatedDevice) -> None:
    device.answers = lambda m: (
        [ScreenLayout(1, 6, 4), ScreenUpdate(1, 1, 0, [tile(5, 3, 2, 2, b"abc")])] if isinstance(m, ScreenStart) else []
    )
    with pytest.raises(RemoteProtocolError):
        await take_picture(session, seconds=5)
