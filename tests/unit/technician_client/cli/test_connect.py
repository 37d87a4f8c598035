"""`handrail connect` in a terminal, and how it hands over to the console."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from protocol.audit import Checkpoint, sign_checkpoint
from protocol.capabilities import Capability
from protocol.errors import RefusalReason
from protocol.link_messages import TunnelOffer
from protocol.messages import Message
from protocol.messages.chat import ChatMessage
from protocol.messages.colleagues import InviteNotes, People, Person
from protocol.messages.screen import ScreenLayout, ScreenStart, ScreenUpdate, Tile
from protocol.messages.session import Paused
from technician_client.cli import connect
from technician_client.cli.app import App
from technician_client.console.server import FirstSession
from tests.kit.commands import handrail
from tests.kit.organisation import Organisation
from tests.kit.switchboard import Keys, SimulatedDevice, Switchboard, keys_of, running
from tests.kit.waiting import eventually_async


@pytest.fixture
def device() -> SimulatedDevice:
    return SimulatedDevice(Organisation(), label="Till 1", group="tills")


@pytest.fixture
async def board(device: SimulatedDevice) -> AsyncIterator[Switchboard]:
    async with running(Switchboard(device.organisation, device)) as board:
        yield board


@pytest.fixture
def keys(board: Switchboard) -> Keys:
    return keys_of(board.organisation, board.organisation.technician(), board.url)


async def ended_by_user(device: SimulatedDevice, *messages: Message) -> None:
    """What the person there does once the session is open: says something, then ends it."""
    await eventually_async(lambda: device.session is not None and device.session.granted, "an open session")
    await device.say(*messages)
    assert device.session is not None
    checkpoint = Checkpoint(device.organisation.id, device.peer, 3, b"h" * 32, 1.0)
    device.session.end("stopped by the user", 0.0, sign_checkpoint(device.credentials.key, checkpoint), b'{"a":1}')
    await device.flush()


async def test_a_code_shows_the_sas_and_everything_that_happens(
    keys: Keys, board: Switchboard, device: SimulatedDevice, tmp_path: Path
) -> None:
    board.codes["482913507"] = device
    ran, _ = await asyncio.gather(
        handrail(tmp_path, keys, "connect", "482", "913", "507", "--no-browser", "--reason", "printer"),
        ended_by_user(device, ChatMessage("hi \x1b[2J"), Paused(True)),
    )
    assert ran.code == 0
    sas = device.consents[0].sas
    assert f"Compare: {sas[:3]} {sas[3:]} must stand on the user's screen too" in ran.err
    assert device.consents[0].reason == "printer"
    assert device.consents[0].wanted == list(connect.DEFAULT_WANTED)
    assert "They say: hi \\x1b[2J" in ran.out
    assert "Paused: the person there holds everything back." in ran.out
    assert "ended by the device: stopped by the user" in ran.out
    (receipt,) = (tmp_path / "receipts").iterdir()
    assert json.loads(receipt.read_text())["sequence"] == 3
    assert str(receipt) in ran.err.replace("\n", "")


async def test_who_else_is_there_is_said(keys: Keys, device: SimulatedDevice, tmp_path: Path) -> None:
    ben = Person(2, "Ben Ruiz", 2, [Capability.VIEW, Capability.CONTROL])
    said = [
        People([Person(1, "Ana Ruiz", 1, [], True), ben], 3),
        People([Person(1, "Ana Ruiz", 1, [], True)]),
        InviteNotes("Ben Ruiz", 2, "see the log", 0.0),
        ChatMessage("hello", 0.0, "Ben Ruiz"),
    ]
    ran, _ = await asyncio.gather(
        handrail(tmp_path, keys, "connect", device.credentials.peer, "--no-browser"), ended_by_user(device, *said)
    )
    assert "Also here: Ben Ruiz (tier 2, mouse and keyboard). A technician of tier 3 is called." in ran.out
    assert "Nobody else is here." in ran.out
    assert "Ben Ruiz asked for help here: see the log" in ran.out
    assert "Ben Ruiz says: hello" in ran.out


async def test_json_lines_tell_the_same(keys: Keys, device: SimulatedDevice, tmp_path: Path) -> None:
    ran, _ = await asyncio.gather(
        handrail(tmp_path, keys, "connect", "till", "--no-browser", "--want", "view", "--json"),
        ended_by_user(device, Paused(True)),
    )
    assert [line["event"] for line in ran.lines] == ["open", "paused", "end"]
    opened = ran.lines[0]
    assert (opened["device"], opened["label"], opened["group"]) == (device.peer, "Till 1", "tills")
    assert (opened["granted"], opened["sas"], opened["by_code"]) == (["view"], device.consents[0].sas, False)
    assert ran.lines[2] == {"event": "end", "reason": "stopped by the user", "clean": True, "by_peer": True}


@pytest.mark.parametrize(
    ("reason", "code"), [(RefusalReason.DENIED_BY_USER, 5), (RefusalReason.NO_ANSWER, 5), (RefusalReason.STALE_TRUST, 5)]
)
async def test_no_is_5(keys: Keys, device: SimulatedDevice, tmp_path: Path, reason: RefusalReason, code: int) -> None:
    device.denial = reason
    ran = await handrail(tmp_path, keys, "connect", "till", "--no-browser", "--json")
    assert ran.code == code
    assert ran.json["error"]["reason"] == reason.value


async def test_an_unknown_code_is_6_and_a_swapped_device_7(
    keys: Keys, board: Switchboard, device: SimulatedDevice, tmp_path: Path
) -> None:
    assert (await handrail(tmp_path, keys, "connect", "111222333", "--no-browser")).code == 6

    def lie(offer: TunnelOffer) -> TunnelOffer:
        return TunnelOffer(offer.request, offer.ticket, offer.peer, "Payroll", offer.by_code, offer.seconds)

    board.lies = lie
    assert (await handrail(tmp_path, keys, "connect", "till", "--no-browser")).code == 7
    assert device.consents == []


async def test_a_cut_session_goes_on_by_itself_and_nobody_is_asked(keys: Keys, device: SimulatedDevice, tmp_path: Path) -> None:
    async def network() -> None:
        await eventually_async(lambda: device.session is not None and device.session.granted, "an open session")
        first = device.session
        device.cut()
        await eventually_async(lambda: device.session is not first and device.session.granted, "it goes on")  # type: ignore[union-attr]
        await ended_by_user(device)

    ran, _ = await asyncio.gather(handrail(tmp_path, keys, "connect", "till", "--no-browser", "--json"), network())
    assert ran.code == 0
    assert [line["event"] for line in ran.lines] == ["open", "reconnecting", "open", "end"]
    assert [line["resumed"] for line in (ran.lines[0], ran.lines[2])] == [False, True]
    assert ran.lines[0]["session"] == ran.lines[2]["session"]
    assert len(device.consents) == 1
    assert "Reconnecting for at most 10 min" in ran.err.replace("\n", " ")


async def test_a_cut_that_does_not_mend_is_1_and_said(keys: Keys, device: SimulatedDevice, tmp_path: Path) -> None:
    (tmp_path / "technician.toml").write_text("resume_seconds = 0.4\nretry_first_seconds = 0.05\n")

    async def network() -> None:
        await eventually_async(lambda: device.session is not None and device.session.granted, "an open session")
        device.online = False
        device.cut()

    ran, _ = await asyncio.gather(handrail(tmp_path, keys, "connect", "till", "--no-browser"), network())
    assert ran.code == 1
    assert "could not go on" in ran.err.replace("\n", " ")
    assert "Next attempt in" in ran.err.replace("\n", " ")


async def test_a_device_that_asks_anew_and_is_told_no_is_5(keys: Keys, device: SimulatedDevice, tmp_path: Path) -> None:
    device.resumes = False

    async def network() -> None:
        await eventually_async(lambda: device.session is not None and device.session.granted, "an open session")
        device.denial = RefusalReason.DENIED_BY_USER
        device.cut()

    ran, _ = await asyncio.gather(handrail(tmp_path, keys, "connect", "till", "--no-browser"), network())
    assert ran.code == 5
    assert "asked anew" in ran.err.replace("\n", " ")
    assert len(device.consents) == 2


async def test_a_screenshot_is_one_exact_picture(keys: Keys, device: SimulatedDevice, tmp_path: Path) -> None:
    def answers(message: Message) -> list[Message]:
        if not isinstance(message, ScreenStart):
            return []
        data = zstandard.ZstdCompressor().compress(b"\x01\x02\x03" * 12)
        return [ScreenLayout(1, 4, 3), ScreenUpdate(1, 1, 0, [Tile(0, 0, 4, 3, "zstd-bgr", data)], exact=True)]

    device.answers = answers
    file = tmp_path / "till.png"
    ran = await handrail(tmp_path, keys, "connect", "till", "--screenshot", str(file), "--json")
    assert ran.code == 0
    assert (ran.json["event"], ran.json["width"], ran.json["height"]) == ("screenshot", 4, 3)
    assert file.read_bytes().startswith(b"\x89PNG")
    assert device.consents[0].wanted == [Capability.VIEW]
    ran = await handrail(tmp_path, keys, "connect", "till", "--screenshot", str(tmp_path / "no" / "where.png"))
    assert ran.code == 1
    assert "cannot be written" in ran.err


async def test_where_every_look_is_recorded_no_picture_is_taken(keys: Keys, device: SimulatedDevice, tmp_path: Path) -> None:
    device.grants_besides = (Capability.RECORDING,)
    ran = await handrail(tmp_path, keys, "screenshot", "till", "-o", str(tmp_path / "till.png"))
    assert ran.code == 5
    assert "demands that a session in which this display is seen is recorded" in ran.err.replace("\n", " ")
    assert "handrail connect till --record FILE" in ran.err.replace("\n", " ")
    assert not any(isinstance(message, ScreenStart) for message in device.received)


async def test_otherwise_the_console_opens_at_the_session(
    keys: Keys, device: SimulatedDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[int, bool, FirstSession | None]] = []

    async def run_console(_app: App, port: int, open_it: bool, first: FirstSession | None = None) -> None:
        opened.append((port, open_it, first))

    monkeypatch.setattr(connect, "run_console", run_console)
    assert (await handrail(tmp_path, keys, "connect", "till", "--no-open", "--port", "8765")).code == 0
    assert (await handrail(tmp_path, keys, "connect", "482-913-507", "--want", "view")).code == 0
    assert (await handrail(tmp_path, keys, "connect", "nobody")).code == 6
    by_name: Any = opened[0][2]
    by_code: Any = opened[1][2]
    assert opened[0][:2] == (8765, False)
    assert (by_name.target.device, by_name.target.code, by_name.label) == (device.peer, "", "Till 1")
    assert (by_code.target.device, by_code.target.code, list(by_code.wanted)) == ("", "482913507", [Capability.VIEW])


def test_a_guest_is_not_asked_for_what_it_never_grants() -> None:
    usual = connect.DEFAULT_WANTED
    assert connect.for_guests(None, usual) == connect.for_guests("482913507", usual) == usual
    asked = connect.for_guests("482913507-ABCDEFGH", usual)
    assert Capability.FIXES not in asked
    assert Capability.CONTROL in asked
    named = (Capability.FIXES,)
    assert connect.for_guests("482913507-ABCDEFGH", named) == named
