"""Transfers against the device's own part, over a wire that is cut, and against a device that lies."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from protocol.errors import HandrailError, LimitExceeded, RefusalReason, Refused, RemoteProtocolError
from protocol.messages import Message
from protocol.messages.files import FileEnd, FileEntries, FileEntry, FilePiece, FileReady, FileStop, FileStored
from protocol.transfer import MOST_WINDOW, BulkPacer
from technician_client.errors import SessionLost
from technician_client.transfers import Download, Upload, list_folder, list_whole, make_folder
from tests.kit.file_wire import FileWire
from tests.kit.waiting import let_pass

DATA = bytes(range(256)) * 4096
LARGE = DATA * 8


class Memory:
    """A source and a sink in memory; `again`: it can go back to its beginning."""

    def __init__(self, data: bytes = b"", *, again: bool = True) -> None:
        self.data, self.again = bytearray(data), again
        self.size, self.mtime, self.mode, self.at = len(data), 1000.0, 0o640, 0

    async def read(self, most: int) -> bytes:
        data = bytes(self.data[self.at : self.at + most])
        self.at += len(data)
        return data

    async def write(self, data: bytes) -> None:
        self.data += data

    async def restart(self) -> bool:
        if not self.again:
            return False
        self.at = 0
        if self.size == 0:
            self.data.clear()
        return True


Make = Callable[..., FileWire]


@pytest.fixture
async def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Make]:
    monkeypatch.setenv("HOME", str(tmp_path))
    made: list[FileWire] = []

    def make_one(**options: object) -> FileWire:
        made.append(FileWire(tmp_path, **options))  # type: ignore[arg-type]  # the fixture's users are typed by what they do
        return made[-1]

    yield make_one
    for wire in made:
        await wire.close()


def uploaded(data: bytes = DATA, *, again: bool = True) -> Upload:
    return Upload(Memory(data, again=again), b"file", pacer=BulkPacer())


async def test_a_file_goes_there(make: Make, tmp_path: Path) -> None:
    upload = uploaded()
    result = await upload.run(make())
    assert (result.outcome, result.sha256) == ("done", hashlib.sha256(DATA).digest())
    assert (tmp_path / "file").read_bytes() == DATA
    assert (upload.done, upload.moved) == (len(DATA), len(DATA))
    assert (tmp_path / "file").stat().st_mtime == 1000.0


async def test_an_empty_file_goes_there_and_comes_back(make: Make) -> None:
    assert (await uploaded(b"").run(make())).outcome == "done"
    sink = Memory()
    assert (await Download(b"file", sink).run(make())).outcome == "done"
    assert not sink.data


@pytest.mark.parametrize("again", [True, False], ids=["file", "stream"])
async def test_an_upload_goes_on_after_many_cuts(make: Make, tmp_path: Path, again: bool) -> None:
    upload = uploaded(LARGE, again=again)
    cuts = 0
    for number in range(40):
        wire = make()
        wire.cut_after = 4 + 4 * number
        try:
            assert (await upload.run(wire)).outcome == "done"
            break
        except SessionLost:
            cuts += 1
            await wire.feature.close()
    assert cuts >= 4
    assert (tmp_path / "file").read_bytes() == LARGE
    assert not list(tmp_path.glob(".handrail-*.part"))


async def test_a_download_goes_on_after_many_cuts(make: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(LARGE)
    sink = Memory()
    download = Download(b"file", sink)
    cuts = 0
    for number in range(40):
        wire = make()
        wire.cut_after = 2 + number
        try:
            assert (await download.run(wire)).outcome == "done"
            break
        except SessionLost:
            cuts += 1
    assert cuts >= 4
    assert bytes(sink.data) == LARGE


async def test_another_beginning_there_is_begun_anew(make: Make, tmp_path: Path) -> None:
    first = make()
    first.cut_after = 8
    with pytest.raises(SessionLost):
        await uploaded(bytes(len(DATA))).run(first)
    await first.feature.close()
    assert list(tmp_path.glob(".handrail-*.part"))
    stream = uploaded(again=False)
    assert (await stream.run(make())).outcome == "differs"
    assert (await uploaded().run(make())).outcome == "done"
    assert (tmp_path / "file").read_bytes() == DATA


async def test_a_file_that_changed_since_the_cut_is_taken_anew(make: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(LARGE)
    sink = Memory(b"", again=True)
    download = Download(b"file", sink)
    wire = make()
    wire.cut_after = 3
    with pytest.raises(SessionLost):
        await download.run(wire)
    (tmp_path / "file").write_bytes(LARGE[::-1])
    assert (await download.run(make())).outcome == "done"
    assert bytes(sink.data) == LARGE[::-1]


async def test_what_is_on_its_way_is_bounded(make: Make) -> None:
    wire = make()
    upload = uploaded(DATA * 8)
    most = 0

    def look(message: Message) -> Message:
        nonlocal most
        most = max(most, upload._read_to - upload.done)
        return message

    wire.edit = look
    await upload.run(wire)
    assert 0 < most <= MOST_WINDOW


async def test_a_transfer_waits_while_it_is_held_and_is_stopped_when_it_is_cancelled(make: Make, tmp_path: Path) -> None:
    wire = make()
    upload = uploaded()
    upload.running.clear()
    task = asyncio.get_running_loop().create_task(upload.run(wire))
    await let_pass(0.05)
    assert upload.done == 0
    upload.keep = False
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert wire.said[-1] == FileStop(1, False)


async def test_a_pause_by_the_user_is_waited_for(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("technician_client.transfers.HELD_SECONDS", 0.01)
    (tmp_path / "file").write_bytes(DATA)
    wire = make()
    paused: list[bool] = []

    def pause_once(message: Message) -> Message:
        if isinstance(message, FilePiece) and not paused:
            paused.append(True)
            asyncio.get_running_loop().call_soon(wire.feature.paused, True)
        return message

    wire.edit = pause_once
    sink = Memory()
    download = Download(b"file", sink)
    assert (await download.run(wire)).outcome == "done"
    assert download.held == ""
    assert bytes(sink.data) == DATA


async def test_a_taken_name_is_asked_about(make: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"theirs")
    assert (await uploaded().run(make())).outcome == "exists"
    assert (tmp_path / "file").read_bytes() == b"theirs"


Edit = Callable[[Message], Message | None]


def changed(kind: type[Message], **fields: object) -> Edit:
    """Lie about these fields of every message of a kind."""
    return lambda message: msgspec.structs.replace(message, **fields) if isinstance(message, kind) else message


@pytest.mark.parametrize(
    ("edit", "error", "words"),
    [
        (changed(FilePiece, offset=5), RemoteProtocolError, "where byte 0 was next"),
        (changed(FileReady, size=10), LimitExceeded, "longer than the 10 bytes"),
        (changed(FileReady, size=2**50), RemoteProtocolError, "ended after"),
        (changed(FileReady, offset=7), RemoteProtocolError, "elsewhere"),
        (changed(FileEnd, sha256=bytes(32)), RemoteProtocolError, "hashes differ"),
        (changed(FilePiece, data=b"another byte or two"), RemoteProtocolError, "was next"),
    ],
    ids=["out of order", "too short", "too long", "elsewhere", "hash", "content"],
)
async def test_a_device_that_lies_is_caught(
    make: Make, tmp_path: Path, edit: Edit, error: type[HandrailError], words: str
) -> None:
    (tmp_path / "file").write_bytes(DATA)
    with pytest.raises(error, match=words):
        await Download(b"file", Memory()).run(make(edit=edit))


async def test_a_device_that_has_more_than_it_was_sent_is_caught(make: Make) -> None:
    with pytest.raises(RemoteProtocolError, match="more than it was sent"):
        await uploaded().run(make(edit=changed(FileStored, offset=2**50)))


async def test_what_is_refused_says_why(make: Make) -> None:
    with pytest.raises(Refused) as refused:
        await Download(b"nothing", Memory()).run(make())
    assert refused.value.reason is RefusalReason.NOT_FOUND


@pytest.mark.parametrize(
    "names", [[b"../x"], [b".."], [b"b", b"a"], [b"a", b"a"], [b"a/b"]], ids=["out", "up", "order", "twice", "slash"]
)
async def test_names_that_cannot_be_are_not_believed(make: Make, names: list[bytes]) -> None:
    edit = changed(FileEntries, entries=[FileEntry(name, "file", 1, 0.0) for name in names])
    with pytest.raises(HandrailError):
        await list_folder(make(edit=edit), b"")


async def test_folders_are_made_and_listed_whole(make: Make, tmp_path: Path) -> None:
    wire = make()
    await make_folder(wire, b"a/b")
    for number in range(3):
        (tmp_path / "a" / f"{number}").touch()
    assert [entry.name for entry in await list_whole(wire, b"a")] == [b"0", b"1", b"2", b"b"]
    with pytest.raises(Refused):
        await make_folder(wire, b"../x")
