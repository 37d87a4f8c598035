"""The clipboard of a real display, by messages as they come off the wire."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from agent.backends.x11 import clipboard as backend
from agent.backends.x11.clipboard import X11Clipboard
from agent.features import clipboard
from agent.features.clipboard import PNG, ClipboardFeature
from agent.settings import ScreenSettings
from protocol.capabilities import Capability
from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.messages.clipboard import (
    PART_BYTES,
    TEXT_BYTES,
    ClipboardChanged,
    ClipboardGet,
    ClipboardPart,
    ClipboardPut,
    ClipboardSet,
    ClipboardStored,
    ClipboardTaken,
    ClipboardWatch,
)
from tests.kit.display import VirtualDisplay, virtual_display
from tests.kit.feature_context import RecordingContext
from tests.kit.waiting import eventually_async


@pytest.fixture(scope="module")
def display() -> Iterator[VirtualDisplay]:
    with virtual_display(640, 480) as running:
        yield running


class Bench:
    """The feature, and another program on the same display."""

    def __init__(self, home: Path, display: str) -> None:
        self.context = RecordingContext(home)
        self.context.settings = msgspec.structs.replace(self.context.settings, screen=ScreenSettings(display=display))
        self.feature = ClipboardFeature(self.context)
        self.other = X11Clipboard(display, lambda: None)

    async def put(self, kind: str, data: bytes, request: int = 1) -> None:
        for at in range(0, len(data), PART_BYTES):
            part = data[at : at + PART_BYTES]
            await self.feature.handle(ClipboardPut(request, kind, len(data), at, part))  # type: ignore[arg-type]  # a kind

    async def get(self, kind: str, request: int = 1) -> bytes:
        """Read it, answering every part."""
        await self.feature.handle(ClipboardGet(request, kind))  # type: ignore[arg-type]  # a kind
        data = b""
        while True:
            await eventually_async(lambda: self.context.of(ClipboardPart) or self.context.refused, "a part")
            if self.context.refused:
                raise Refused(self.context.refused[0][2], reason=self.context.refused[0][1])
            parts = self.context.of(ClipboardPart)
            self.context.sent.clear()
            for part in parts:
                assert part.offset == len(data)
                data += part.data
                await self.feature.handle(ClipboardTaken(request, len(data)))
            if len(data) == parts[-1].size:
                return data


@pytest.fixture
async def bench(tmp_path: Path, display: VirtualDisplay) -> AsyncIterator[Bench]:
    made = Bench(tmp_path, display.name)
    yield made
    await made.context.close(made.feature)
    made.other.close()
    assert not made.context.failures


@pytest.mark.parametrize(("kind", "data"), [("text", b"hello" * 40_000), ("image", PNG + bytes(500_000))])
async def test_what_is_put_is_there_and_recorded_without_its_contents(bench: Bench, kind: str, data: bytes) -> None:
    await bench.put(kind, data)
    await bench.context.next(ClipboardSet)
    assert bench.other.read(kind) == data  # type: ignore[arg-type]  # a kind
    assert bench.context.of(ClipboardStored)
    assert bench.context.audited == [("clipboard written", {"kind": kind, "size": len(data)})]


@pytest.mark.parametrize(("kind", "data"), [("text", "Grüße".encode() * 30_000), ("image", PNG + bytes(300_000))])
async def test_what_is_there_is_read_and_recorded_without_its_contents(bench: Bench, kind: str, data: bytes) -> None:
    bench.other.write(kind, data)  # type: ignore[arg-type]  # a kind
    assert await bench.get(kind) == data
    assert bench.context.audited == [("clipboard read", {"kind": kind, "size": len(data)})]


async def test_a_change_is_told_and_what_came_from_here_is_known(bench: Bench) -> None:
    await bench.feature.handle(ClipboardWatch())
    first = await bench.context.next(ClipboardChanged)
    assert first.kinds == []
    bench.context.sent.clear()
    bench.other.write("text", b"theirs")
    assert (await bench.context.next(ClipboardChanged)).kinds == ["text"]
    bench.context.sent.clear()
    await bench.put("text", b"ours")
    assert (await bench.context.next(ClipboardChanged)).ours


async def test_nothing_is_told_once_it_is_taken_back(bench: Bench) -> None:
    await bench.feature.handle(ClipboardWatch())
    await bench.context.next(ClipboardChanged)
    bench.context.sent.clear()
    bench.context.held.discard(Capability.CLIPBOARD_OUT)
    bench.feature.capability_lost(Capability.CLIPBOARD_OUT)
    bench.other.write("text", b"later")
    await bench.put("text", b"marker")
    await bench.context.next(ClipboardSet)
    assert not bench.context.of(ClipboardChanged)


@pytest.mark.parametrize(
    ("kind", "size", "data"),
    [("text", 3, b"\xff\xfe\xfd"), ("image", 4, b"GIF8"), ("text", TEXT_BYTES + 1, b"x"), ("text", 1, b"xx")],
    ids=["no text", "no image", "too large", "a lie"],
)
async def test_what_cannot_be_is_refused(bench: Bench, kind: str, size: int, data: bytes) -> None:
    bench.other.write("text", b"before")
    with pytest.raises(HandrailError):
        await bench.feature.handle(ClipboardPut(1, kind, size, 0, data))  # type: ignore[arg-type]  # a kind
    assert bench.other.read("text") == b"before"
    assert bench.context.audited == []


async def test_what_is_not_there_says_so(bench: Bench) -> None:
    bench.other.write("text", b"only text")
    with pytest.raises(Refused) as refused:
        await bench.get("image")
    assert refused.value.reason is RefusalReason.NOT_FOUND


async def test_a_record_that_cannot_be_written_lets_nothing_through(bench: Bench) -> None:
    bench.other.write("text", b"before")
    bench.context.audit_is_full = True
    with pytest.raises(HandrailError):
        await bench.put("text", b"new")
    with pytest.raises(Refused):
        await bench.get("text")
    assert bench.other.read("text") == b"before"


class Silent(X11Clipboard):
    """A program that owns the clipboard and answers nobody."""

    def _serve(self, event: object) -> None:
        """Nothing."""


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[X11Clipboard]:
    """Every clipboard that the feature opens."""
    made: list[X11Clipboard] = []

    def count(display: str, on_change: Callable[[], None]) -> X11Clipboard:
        made.append(X11Clipboard(display, on_change))
        return made[-1]

    monkeypatch.setattr(clipboard, "open_clipboard", count)
    return made


async def test_an_owner_that_does_not_answer_costs_one_wait_and_no_second_connection(
    bench: Bench, display: VirtualDisplay, opened: list[X11Clipboard], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "WAIT_SECONDS", 0.2)
    silent = Silent(display.name, lambda: None)
    silent.write("text", b"never")
    for request in (1, 2):
        bench.context.refused.clear()
        with pytest.raises(Refused, match="does not answer"):
            await bench.get("text", request)
    silent.close()
    assert len(opened) == 1


async def test_two_who_ask_at_once_open_one(bench: Bench, opened: list[X11Clipboard]) -> None:
    bench.other.write("text", b"theirs")
    for request in (1, 2):
        await bench.feature.handle(ClipboardGet(request, "text"))
    await eventually_async(lambda: len(bench.context.of(ClipboardPart)) == 2, "both answers")
    assert len(opened) == 1


async def test_one_whose_display_went_away_is_closed_and_opened_anew(bench: Bench, opened: list[X11Clipboard]) -> None:
    bench.other.write("text", b"theirs")
    assert await bench.get("text") == b"theirs"
    opened[0].close()
    assert await bench.get("text", 2) == b"theirs"
    assert len(opened) == 2


async def test_watched_again_after_it_was_taken_back_a_change_is_told_once(bench: Bench) -> None:
    for _ in range(3):
        await bench.feature.handle(ClipboardWatch())
        await bench.context.next(ClipboardChanged)
        bench.feature.capability_lost(Capability.CLIPBOARD_OUT)
    await bench.feature.handle(ClipboardWatch())
    await eventually_async(lambda: len(bench.context.tasks.running) == 1, "one that tells")


@pytest.mark.parametrize("paused", [True, False])
async def test_what_is_cut_short_is_refused_and_makes_room(bench: Bench, paused: bool) -> None:
    bench.other.write("text", b"x" * TEXT_BYTES)
    await bench.feature.handle(ClipboardGet(1, "text"))
    await bench.context.next(ClipboardPart)
    bench.context.held.discard(Capability.CLIPBOARD_OUT)
    if paused:
        bench.feature.paused(True)
    else:
        bench.feature.capability_lost(Capability.CLIPBOARD_OUT)
    await eventually_async(lambda: bench.context.refused, "a refusal")
    assert [reason for _, reason, _ in bench.context.refused] == [RefusalReason.NOT_GRANTED]
    await eventually_async(lambda: not bench.feature._going, "room for another")
