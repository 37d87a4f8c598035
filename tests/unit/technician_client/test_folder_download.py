"""A folder as one archive, from the device's own part, over a wire that is cut, and from a device that lies."""

import io
import os
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from protocol.errors import RefusalReason, Refused, RemoteProtocolError
from protocol.messages import Message
from protocol.messages.files import FileEnd, FileEntries, FileEntry, FileGet, FileList
from technician_client import folder_download
from technician_client.errors import SessionLost
from technician_client.folder_download import FolderDownload
from tests.kit.file_wire import FileWire

DATA = os.urandom(300_000)
Make = Callable[..., FileWire]


class Memory:
    """Where the archive goes; `most` is the largest piece it was given."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.most = 0

    async def write(self, data: bytes) -> None:
        self.data += data
        self.most = max(self.most, len(data))

    async def restart(self) -> bool:
        return False

    @property
    def archive(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(io.BytesIO(bytes(self.data)))


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


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    """A folder with files, a folder with nothing in it, a link, and two names that are one on other disks."""
    top = tmp_path / "papers"
    (top / "2026" / "empty").mkdir(parents=True)
    (top / "2026" / "report.odt").write_bytes(DATA)
    (top / "a").write_bytes(b"")
    (top / "A").write_bytes(b"capital")
    (top / "elsewhere").symlink_to("/etc")
    return top


async def test_everything_in_it_arrives_in_its_place(make: Make, papers: Path) -> None:
    sink, ready = Memory(), list[bool]()
    download = FolderDownload(b"papers", sink, on_ready=lambda: ready.append(True))
    result = await download.run(make())
    assert (result.outcome, ready) == ("done", [True])
    assert result.text == "1 is not in the archive (links, and what could not be read): it says which."
    read = sink.archive
    assert read.testzip() is None
    assert read.namelist() == [
        "papers/A",
        "papers/a (2)",
        "papers/2026/report.odt",
        "papers/2026/empty/",
        "papers/not in this archive.txt",
    ]
    assert read.read("papers/2026/report.odt") == DATA
    assert read.read("papers/A") == b"capital"
    assert "papers/elsewhere: a link" in read.read("papers/not in this archive.txt").decode()
    assert (download.done, download.size) == (len(DATA) + 7, len(DATA) + 7)
    assert sink.most < 600_000


async def test_a_cut_in_the_middle_of_anything_changes_nothing(make: Make, papers: Path) -> None:
    whole = Memory()
    await FolderDownload(b"papers", whole).run(make())
    cut_after = 1
    while True:
        sink, cuts = Memory(), 0
        download = FolderDownload(b"papers", sink)
        wire = make()
        wire.cut_after = cut_after
        try:
            result = await download.run(wire)
        except SessionLost:
            cuts = 1
            result = await download.run(make())
        assert result.outcome == "done"
        assert sink.archive.namelist() == whole.archive.namelist()
        assert sink.archive.read("papers/2026/report.odt") == DATA
        if not cuts:
            return
        cut_after += 1


async def test_what_may_not_be_read_is_left_out_and_named(make: Make, papers: Path) -> None:
    wire = make()
    plain = wire.feature.handle

    async def handle(message: Message) -> None:
        if isinstance(message, FileGet) and message.path.endswith(b"report.odt"):
            raise Refused("It may not be read.", reason=RefusalReason.NEEDS_ROOT)
        if isinstance(message, FileList) and message.path.endswith(b"empty"):
            raise Refused("It may not be looked into.", reason=RefusalReason.NEEDS_ROOT)
        await plain(message)

    wire.feature.handle = handle  # type: ignore[method-assign]
    sink = Memory()
    result = await FolderDownload(b"papers", sink).run(wire)
    assert result.outcome == "done" and result.text.startswith("3 are not")
    said = sink.archive.read("papers/not in this archive.txt").decode()
    assert "papers/2026/report.odt: It may not be read." in said
    assert "papers/2026/empty/: It may not be looked into." in said


@pytest.mark.parametrize("kind", [FileGet, FileList])
async def test_what_is_not_granted_any_more_ends_it(make: Make, papers: Path, kind: type[Message]) -> None:
    wire = make()
    plain = wire.feature.handle

    async def handle(message: Message) -> None:
        if isinstance(message, kind) and (kind is FileGet or message.path != b"papers"):  # type: ignore[attr-defined]
            raise Refused("Not granted.", reason=RefusalReason.NOT_GRANTED)
        await plain(message)

    wire.feature.handle = handle  # type: ignore[method-assign]
    with pytest.raises(Refused, match="Not granted"):
        await FolderDownload(b"papers", Memory()).run(wire)


async def test_a_file_that_arrives_otherwise_ends_it(make: Make, papers: Path) -> None:
    wire = make(edit=lambda said: msgspec.structs.replace(said, sha256=b"x" * 32) if isinstance(said, FileEnd) else said)
    sink = Memory()
    with pytest.raises(RemoteProtocolError, match="hashes differ"):
        await FolderDownload(b"papers", sink).run(wire)
    with pytest.raises(zipfile.BadZipFile):
        _ = sink.archive


async def test_a_file_that_changes_meanwhile_ends_it_with_its_name(make: Make, papers: Path) -> None:
    (papers / "2026" / "report.odt").write_bytes(DATA * 20)
    download = FolderDownload(b"papers", Memory())
    wire = make()

    def cut(said: Message) -> Message:
        if download.done > len(DATA):
            wire.cut()
        return said

    wire.edit = cut
    with pytest.raises(SessionLost):
        await download.run(wire)
    (papers / "2026" / "report.odt").write_bytes(b"another" * 1_000_000)
    result = await download.run(make())
    assert (result.outcome, result.text) == (
        "differs",
        "papers/2026/report.odt: it was changed while it was taken. Take the folder again.",
    )


async def test_a_device_cannot_make_it_endless(make: Make, papers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_download, "MOST_ENTRIES", 50)

    wire = make()

    async def deeper(message: Message) -> None:
        assert isinstance(message, FileList)
        wire.context.send(FileEntries(message.request, message.path, [FileEntry(b"again", "folder", 0, 0.0)]))

    wire.feature.handle = deeper  # type: ignore[method-assign]
    with pytest.raises(Refused, match="too much"):
        await FolderDownload(b"papers", Memory()).run(wire)


@pytest.mark.parametrize("path", [b"../up", b"/etc", b"a//b"])
def test_only_paths_below_what_is_shared(path: bytes) -> None:
    with pytest.raises(Refused):
        FolderDownload(path, Memory())


async def test_the_top_itself_is_called_home(make: Make, papers: Path) -> None:
    sink = Memory()
    await FolderDownload(b"", sink).run(make())
    assert "home/papers/2026/report.odt" in sink.archive.namelist()
