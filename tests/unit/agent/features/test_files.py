"""Files on a real disk, by messages as they come off the wire."""

import asyncio
import hashlib
import os
import platform
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from agent.backends.folders import ReadableFile, SharedFolders, WritableFile
from agent.backends.users import Account, account_of
from agent.features import files
from agent.features.files import BLOCK_BYTES, MOST_LOOKS, MOST_TRANSFERS, FilesFeature
from agent.settings import FilesSettings
from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Refused
from protocol.messages.files import (
    CHUNK_BYTES,
    FileChunk,
    FileEnd,
    FileEntries,
    FileFinish,
    FileFolder,
    FileGet,
    FileList,
    FilePiece,
    FilePut,
    FileReady,
    FileResult,
    FileStop,
    FileStored,
    FileTaken,
)
from protocol.transfer import MOST_WINDOW
from tests.kit.feature_context import RecordingContext
from tests.kit.waiting import eventually_async, let_pass

DATA = bytes(range(256)) * 1000


class Bench:
    """The feature, its context and the home it works in."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.context = RecordingContext(home / ".handrail")
        self.context.identity = SimpleNamespace(fingerprint=b"technician")
        self.feature = FilesFeature(self.context)

    async def ready(self, put: FilePut) -> FileReady:
        self.context.sent.clear()
        await self.feature.handle(put)
        return await self.context.next(FileReady)

    async def result(self) -> FileResult:
        return await self.context.next(FileResult)

    async def chunks(self, request: int, data: bytes, start: int = 0) -> None:
        for at in range(start, len(data), CHUNK_BYTES):
            await self.feature.handle(FileChunk(request, at, data[at : at + CHUNK_BYTES]))

    async def put(self, request: int, path: bytes, data: bytes, sha256: bytes | None = None) -> FileResult:
        await self.ready(FilePut(request, path, len(data)))
        await self.chunks(request, data)
        await self.feature.handle(FileFinish(request, sha256 or hashlib.sha256(data).digest()))
        return await self.result()

    async def get(self, message: FileGet) -> bytes:
        """Take a whole file, answering every piece."""
        self.context.sent.clear()
        await self.feature.handle(message)
        await self.context.next(FileReady)
        answered: set[int] = set()

        async def answer() -> bool:
            for piece in self.context.of(FilePiece):
                if piece.offset not in answered:
                    answered.add(piece.offset)
                    await self.feature.handle(FileTaken(message.request, piece.offset + len(piece.data)))
            return bool(self.context.of(FileEnd))

        async with asyncio.timeout(60):
            while not await answer():
                await asyncio.sleep(0.001)
        await answer()
        return b"".join(piece.data for piece in self.context.of(FilePiece))


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setenv("HOME", str(tmp_path))
    made = Bench(tmp_path)
    yield made
    await made.context.close(made.feature)
    assert not made.context.failures


def partials(home: Path) -> list[str]:
    return [path.name for path in home.iterdir() if path.name.endswith(".part")]


async def test_a_file_is_put_and_recorded(bench: Bench) -> None:
    result = await bench.put(1, b"new.bin", DATA)
    assert (result.outcome, result.path, result.sha256) == ("done", b"new.bin", hashlib.sha256(DATA).digest())
    assert (bench.home / "new.bin").read_bytes() == DATA
    stored = [message.offset for message in bench.context.of(FileStored)]
    assert stored[-1] == len(DATA)
    detail = {"path": "new.bin", "size": len(DATA), "sha256": hashlib.sha256(DATA).hexdigest()}
    assert bench.context.audited == [("file received", detail)]
    assert partials(bench.home) == []


async def test_an_empty_file_is_put(bench: Bench) -> None:
    assert (await bench.put(1, b"empty", b"")).outcome == "done"
    assert (bench.home / "empty").read_bytes() == b""


async def test_a_file_in_place_is_known_again_after_a_cut(bench: Bench) -> None:
    """The word of it was lost with the connection; the session goes on with another one."""
    digest = hashlib.sha256(DATA).digest()
    assert (await bench.put(1, b"new.bin", DATA)).outcome == "done"
    (bench.home / "taken").write_bytes(b"theirs")
    await bench.ready(FilePut(2, b"taken", len(DATA), conflict="rename"))
    await bench.chunks(2, DATA)
    await bench.feature.handle(FileFinish(2, digest))
    beside = (await bench.result()).path
    assert beside != b"taken"
    await bench.feature.close()
    bench.feature = FilesFeature(bench.context)
    for path, place in ((b"new.bin", b"new.bin"), (b"taken", beside)):
        bench.context.sent.clear()
        await bench.feature.handle(FilePut(3, path, len(DATA), sent=digest))
        told = await bench.result()
        assert (told.outcome, told.path, told.sha256) == ("done", place, digest)
    (bench.home / "new.bin").write_bytes(DATA[::-1])  # somebody changed it since
    bench.context.sent.clear()
    await bench.feature.handle(FilePut(4, b"new.bin", len(DATA), sent=digest))
    assert (await bench.result()).outcome == "exists"


async def test_nobody_learns_by_its_hash_which_file_lies_there(bench: Bench) -> None:
    """Whoever may put files may not read any: not even whether one of them is the one that they guess."""
    (bench.home / "secret").write_bytes(DATA)
    right, wrong = hashlib.sha256(DATA).digest(), hashlib.sha256(b"x").digest()
    told = []
    for request, digest in enumerate((right, wrong), start=1):
        bench.context.sent.clear()
        await bench.feature.handle(FilePut(request, b"secret", len(DATA), sent=digest))
        answer = await bench.result()
        told.append((answer.outcome, answer.path, answer.size, answer.sha256, answer.text))
    assert told[0] == told[1]
    assert told[0][0] == "exists"


async def test_what_was_put_is_forgotten_with_the_right_to(bench: Bench) -> None:
    digest = hashlib.sha256(DATA).digest()
    assert (await bench.put(1, b"new.bin", DATA)).outcome == "done"
    bench.context.keeper.retain(bench.context.session_id, [Capability.FILES_OUT])
    bench.context.sent.clear()
    await bench.feature.handle(FilePut(2, b"new.bin", len(DATA), sent=digest))
    assert (await bench.result()).outcome == "exists"


async def test_what_is_not_what_was_sent_does_not_stay(bench: Bench) -> None:
    result = await bench.put(1, b"new.bin", DATA, bytes(32))
    assert result.outcome == "differs"
    await eventually_async(lambda: partials(bench.home) == [], "nothing is left")
    assert not (bench.home / "new.bin").exists()
    assert bench.context.audited == []


@pytest.mark.parametrize(
    ("offset", "data", "words"),
    [(5, b"x", "byte 0 was next"), (0, b"x" * 11, "longer than the 10 bytes")],
    ids=["out of order", "too much"],
)
async def test_a_hostile_sender_ends_its_transfer_only(bench: Bench, offset: int, data: bytes, words: str) -> None:
    await bench.ready(FilePut(1, b"new", 10))
    await bench.feature.handle(FileChunk(1, offset, data))
    result = await bench.result()
    assert (result.outcome, result.reason) == ("failed", RefusalReason.INVALID)
    assert words in result.text
    await bench.feature.handle(FileChunk(1, 0, b"late"))
    assert (await bench.put(2, b"other", b"fine")).outcome == "done"


async def test_a_file_that_ends_too_early_is_not_kept(bench: Bench) -> None:
    await bench.ready(FilePut(1, b"new", 10))
    await bench.feature.handle(FileFinish(1, hashlib.sha256(b"").digest()))
    assert (await bench.result()).outcome == "failed"
    assert not (bench.home / "new").exists()


@pytest.mark.parametrize("path", [b"../x", b"/etc/passwd", b"a/../../x", b"", b"link/x", b"."])
async def test_paths_that_lead_out_are_refused(bench: Bench, path: bytes) -> None:
    (bench.home / "link").symlink_to(bench.home.parent)
    for number, message in enumerate((FilePut(1, path, 1, parents=True), FileGet(2, path), FileFolder(3, path + b"/x"))):
        await bench.feature.handle(message)
        await eventually_async(partial(lambda wanted: len(bench.context.refused) > wanted, number), "a refusal")
    assert {reason for _, reason, _ in bench.context.refused} == {RefusalReason.INVALID}


async def test_a_transfer_goes_on_where_it_was_cut(bench: Bench) -> None:
    await bench.ready(FilePut(1, b"big", len(DATA)))
    await bench.chunks(1, DATA[: 2 * CHUNK_BYTES])
    await bench.feature.close()
    bench.feature = FilesFeature(bench.context)
    ready = await bench.ready(FilePut(7, b"big", len(DATA)))
    assert (ready.offset, ready.prefix) == (2 * CHUNK_BYTES, hashlib.sha256(DATA[: 2 * CHUNK_BYTES]).digest())
    await bench.chunks(7, DATA, ready.offset)
    await bench.feature.handle(FileFinish(7, hashlib.sha256(DATA).digest()))
    assert (await bench.result()).outcome == "done"
    assert (bench.home / "big").read_bytes() == DATA


async def test_a_pause_ends_transfers_for_now_and_keeps_what_came(bench: Bench) -> None:
    (bench.home / "there").write_bytes(DATA)
    await bench.ready(FilePut(1, b"big", len(DATA)))
    await bench.chunks(1, DATA[:CHUNK_BYTES])
    await bench.feature.handle(FileGet(2, b"there"))
    await bench.context.next(FilePiece)
    bench.feature.paused(True)
    await eventually_async(lambda: len(bench.context.of(FileResult)) == 2, "both end")
    results = bench.context.of(FileResult)
    assert {(one.outcome, one.reason) for one in results} == {("stopped", RefusalReason.PAUSED)}
    bench.feature.paused(False)
    assert (await bench.ready(FilePut(3, b"big", len(DATA)))).offset == CHUNK_BYTES


async def test_what_is_taken_back_leaves_nothing(bench: Bench) -> None:
    await bench.ready(FilePut(1, b"big", len(DATA)))
    await bench.chunks(1, DATA[:CHUNK_BYTES])
    bench.feature.capability_lost(Capability.FILES_OUT)
    assert not bench.context.of(FileResult)
    bench.feature.capability_lost(Capability.FILES_IN)
    assert (await bench.result()).reason is RefusalReason.NOT_GRANTED
    await eventually_async(lambda: partials(bench.home) == [], "nothing is left")


@pytest.mark.parametrize("keep", [True, False])
async def test_a_transfer_is_stopped(bench: Bench, keep: bool) -> None:
    await bench.ready(FilePut(1, b"big", len(DATA)))
    await bench.chunks(1, DATA[:CHUNK_BYTES])
    await bench.feature.handle(FileStop(1, keep))
    assert (await bench.ready(FilePut(2, b"big", len(DATA)))).offset == (CHUNK_BYTES if keep else 0)


async def stopped_at_once(bench: Bench) -> None:
    """In the same breath: nothing has begun."""
    await bench.feature.handle(FilePut(1, b"big", len(DATA)))
    await bench.feature.handle(FileStop(1))


async def stopped_behind_another(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it waits until the same file has been let go of."""
    may, plain = threading.Event(), WritableFile.close

    def slow(self: WritableFile) -> None:
        assert may.wait(20)
        plain(self)

    monkeypatch.setattr(WritableFile, "close", slow)
    await bench.ready(FilePut(2, b"big", len(DATA)))
    await bench.feature.handle(FileStop(2))
    await bench.feature.handle(FilePut(1, b"big", len(DATA)))
    await let_pass(0.05)
    await bench.feature.handle(FileStop(1))
    may.set()


async def stopped_while_looking(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """While what lies there already is read."""
    digest = hashlib.sha256(DATA).digest()
    assert (await bench.put(2, b"big", DATA)).outcome == "done"
    looking, may = threading.Event(), threading.Event()

    def slow(self: ReadableFile, size: int) -> object:
        looking.set()
        assert may.wait(20)
        return hashlib.sha256(b"%d" % size)

    monkeypatch.setattr(ReadableFile, "prefix", slow)
    await bench.feature.handle(FilePut(1, b"big", len(DATA), conflict="replace", sent=digest))
    assert await asyncio.to_thread(looking.wait, 20)
    await bench.feature.handle(FileStop(1))
    may.set()


@pytest.mark.parametrize("stopped", [stopped_at_once, stopped_behind_another, stopped_while_looking])
async def test_a_transfer_that_is_stopped_before_it_began_ends_nothing_else(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, stopped: Callable[..., Awaitable[None]]
) -> None:
    with monkeypatch.context() as patched:
        await (stopped(bench) if stopped is stopped_at_once else stopped(bench, patched))
        bench.context.sent.clear()
        assert (await bench.put(3, b"other", b"fine")).outcome == "done"
    assert not bench.context.of(FileReady)[1:]
    assert partials(bench.home) == []


async def test_a_record_that_cannot_be_written_lets_nothing_through(bench: Bench) -> None:
    (bench.home / "there").write_bytes(b"data")
    bench.context.audit_is_full = True
    assert (await bench.put(1, b"new", b"data")).outcome == "failed"
    assert not (bench.home / "new").exists()
    bench.context.sent.clear()
    await bench.feature.handle(FileGet(2, b"there"))
    assert (await bench.result()).outcome == "failed"
    assert not bench.context.of(FilePiece)


async def test_a_file_is_taken_and_recorded(bench: Bench) -> None:
    (bench.home / "there").write_bytes(DATA)
    assert await bench.get(FileGet(1, b"there")) == DATA
    assert bench.context.of(FileEnd)[0].sha256 == hashlib.sha256(DATA).digest()
    assert [action for action, _ in bench.context.audited] == ["file asked for", "file sent"]
    assert await bench.get(FileGet(1, b"there", 100, hashlib.sha256(DATA[:100]).digest())) == DATA[100:]


async def test_no_more_leaves_than_is_answered(bench: Bench) -> None:
    (bench.home / "there").write_bytes(DATA * 10)
    await bench.feature.handle(FileGet(1, b"there"))
    await bench.context.next(FilePiece)
    for _ in range(20):
        await asyncio.sleep(0)
    assert sum(len(piece.data) for piece in bench.context.of(FilePiece)) <= 16 * 1024


@pytest.mark.parametrize(("offset", "prefix"), [(5, bytes(32)), (10**6, bytes(32))])
async def test_another_beginning_is_named(bench: Bench, offset: int, prefix: bytes) -> None:
    (bench.home / "there").write_bytes(b"0123456789")
    await bench.feature.handle(FileGet(1, b"there", offset, prefix))
    assert (await bench.result()).outcome == "differs"


async def test_a_file_that_changes_meanwhile_fails(bench: Bench) -> None:
    (bench.home / "there").write_bytes(bytes(3 * BLOCK_BYTES))
    await bench.feature.handle(FileGet(1, b"there"))
    await bench.context.next(FilePiece)
    (bench.home / "there").write_bytes(b"")
    while not bench.context.of(FileResult):
        last = bench.context.of(FilePiece)[-1]
        await bench.feature.handle(FileTaken(1, last.offset + len(last.data)))
        await asyncio.sleep(0)
    result = await bench.result()
    assert (result.outcome, result.text.split(" while")[0]) == ("failed", "The file became shorter")


async def test_what_a_sender_without_pace_sends_waits_where_it_comes_from(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    may = threading.Event()
    plain = WritableFile.write

    def slow(self: WritableFile, data: bytes) -> None:
        assert may.wait(20)
        plain(self, data)

    monkeypatch.setattr(WritableFile, "write", slow)
    data = os.urandom(2 * MOST_WINDOW + 4 * CHUNK_BYTES)
    await bench.ready(FilePut(1, b"big", len(data)))
    sending = bench.context.spawn(bench.chunks(1, data), "a sender without pace")
    for _ in range(200):
        await asyncio.sleep(0)
    assert not sending.done()
    may.set()
    await sending
    await bench.feature.handle(FileFinish(1, hashlib.sha256(data).digest()))
    assert (await bench.result()).outcome == "done"
    assert (bench.home / "big").read_bytes() == data
    assert len(bench.context.of(FileStored)) < len(data) // CHUNK_BYTES


async def test_folders_are_listed_and_made(bench: Bench) -> None:
    (bench.home / os.fsdecode(b"odd\xff")).write_bytes(b"1")
    await bench.feature.handle(FileFolder(1, b"a/b"))
    assert (await bench.result()).outcome == "done"
    await bench.feature.handle(FileList(2))
    found = await bench.context.next(FileEntries)
    assert [(entry.name, entry.kind) for entry in found.entries] == [(b"a", "folder"), (b"odd\xff", "file")]


async def test_too_many_at_once_are_refused(bench: Bench) -> None:
    for number in range(MOST_TRANSFERS):
        await bench.feature.handle(FilePut(number, b"f%d" % number, 10))
    with pytest.raises(Exception, match="8 transfers at once"):
        await bench.feature.handle(FilePut(99, b"more", 10))
    with pytest.raises(Exception, match="in use"):
        await bench.feature.handle(FileGet(1, b"f1"))


async def test_a_slow_directory_of_accounts_holds_up_nobody_and_nothing_begins_that_was_taken_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    may, account = threading.Event(), files.session_account(bench.context.settings.files.user)

    def slow(named: str) -> Account | None:
        assert may.wait(60)
        return account

    monkeypatch.setattr(files, "session_account", slow)
    asyncio.get_running_loop().call_soon(may.set)
    await bench.feature.handle(FileFolder(1, b"first"))
    assert (await bench.result()).outcome == "done"
    may.clear()
    asyncio.get_running_loop().call_soon(bench.context.held.discard, Capability.FILES_IN)
    asyncio.get_running_loop().call_soon(may.set)
    await bench.feature.handle(FilePut(2, b"second", 1))
    await let_pass(0.1)
    assert not bench.context.of(FileReady)
    assert partials(bench.home) == []


async def test_a_flood_of_lists_is_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    may = threading.Event()
    monkeypatch.setattr(SharedFolders, "entries", lambda *_: ([], may.wait(20), -1))
    for number in range(MOST_LOOKS):
        await bench.feature.handle(FileList(number))
    for message in (FileList(98), FileFolder(99, b"x")):
        with pytest.raises(Refused, match="Ask again") as refused:
            await bench.feature.handle(message)
        assert refused.value.reason is RefusalReason.BUSY
    may.set()
    await eventually_async(lambda: len(bench.context.of(FileEntries)) == MOST_LOOKS, "every answer")
    await eventually_async(lambda: not bench.feature._looks, "room for more")
    await bench.feature.handle(FileFolder(99, b"x"))
    assert (await bench.result()).outcome == "done"


async def test_where_files_cannot_be_opened_as_the_user_that_is_said_and_nothing_ends(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The administrator's agent on a machine whose system calls it does not know."""
    monkeypatch.setattr(files, "session_account", lambda named: Account("ana", 4242, 4242, bench.home, "/bin/sh"))
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    asked = (FileList(1), FilePut(2, b"x", 1), FileFolder(3, b"y"))
    for message in (*asked, FileGet(4, b"x")):
        await bench.feature.handle(message)
    result = await bench.result()
    await eventually_async(lambda: len(bench.context.refused) == len(asked), "the other three are refused")
    assert {text for _, _, text in bench.context.refused} == {"This agent cannot open files as ana. Run it as that user."}
    assert {reason for _, reason, _ in bench.context.refused} == {RefusalReason.UNSUPPORTED}
    assert (result.outcome, result.text) == ("failed", bench.context.refused[0][2])


async def test_nobodys_files_and_the_administrators_are_not_shared(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    found = account_of(0)
    monkeypatch.setattr(files, "session_account", lambda named: found)
    for settings, words in (
        (FilesSettings(), "whose files are not shared"),
        (FilesSettings(enabled=False), "files.enabled"),
    ):
        bench.context.settings = msgspec.structs.replace(bench.context.settings, files=settings)
        with pytest.raises(Refused, match=words) as refused:
            await bench.feature.handle(FileList(1))
        assert refused.value.reason is RefusalReason.POLICY
    found = None
    bench.context.settings = msgspec.structs.replace(bench.context.settings, files=FilesSettings())
    for message in (FileList(1), FileFolder(2, b"x"), FilePut(3, b"x", 1), FileGet(4, b"x")):
        with pytest.raises(Refused, match="Nobody is logged in"):
            await bench.feature.handle(message)
    assert not bench.context.sent
