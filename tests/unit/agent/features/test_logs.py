"""The live log: filters, bounds with named losses, and what policy keeps back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from agent.backends import log_source
from agent.features.logs import LINES_PER_SECOND, MOST_FOLLOWED, Allowance, LogsFeature, fits
from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Refused
from protocol.messages.logs import LogEnded, LogFollow, LogLine, LogLines, LogListing, LogSources, LogStop
from tests.kit.feature_context import RecordingContext
from tests.kit.waiting import eventually_async, let_pass

LINE = LogLine(1.0, 4, "cron.service", "Something FAILED here")


class Desk:
    def __init__(self, tmp_path: Path) -> None:
        self.context = RecordingContext(tmp_path)
        self.feature = LogsFeature(self.context)
        self.file = tmp_path / "app.log"
        self.file.write_text("one\ntwo failed\n")

    def lines(self) -> list[str]:
        return [line.text for message in self.context.of(LogLines) for line in message.lines]


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    one = Desk(tmp_path)
    one.context.rules = msgspec.structs.replace(one.context.rules, log_files=[f"{tmp_path}/*.log"])
    monkeypatch.setattr(log_source, "journalctl", lambda: "")
    allowed, sources = log_source.allowed, log_source.sources
    monkeypatch.setattr(log_source, "allowed", lambda name, patterns, *_: allowed(name, patterns, tmp_path))
    monkeypatch.setattr(log_source, "sources", lambda patterns: sources(patterns, tmp_path))
    yield one
    await one.context.close(one.feature)
    assert not one.context.failures


async def test_a_file_is_followed_and_filtered_on_the_device(desk: Desk) -> None:
    await desk.feature.handle(LogSources(1))
    assert [source.name for source in desk.context.of(LogListing)[0].sources] == [str(desk.file)]
    await desk.feature.handle(LogFollow(2, text="FAIL"))
    await eventually_async(lambda: desk.lines() == ["two failed"], "what is there")
    with desk.file.open("a") as file:
        file.write("fine\nfails again \x1b[31m\n")
    await eventually_async(lambda: desk.lines() == ["two failed", "fails again \\x1b[31m"], "what came")
    await desk.feature.handle(LogStop(2))
    await desk.feature.handle(LogStop(2))
    assert desk.context.of(LogEnded) == [LogEnded(2)]
    assert desk.context.audited[0][0] == "log followed"


async def test_without_following_it_ends_by_itself(desk: Desk) -> None:
    await desk.feature.handle(LogFollow(2, lines=1, follow=False))
    assert (await desk.context.next(LogEnded)).text == ""
    assert desk.lines() == ["two failed"]


async def test_what_policy_does_not_name_is_not_read(desk: Desk) -> None:
    for name in ("/etc/shadow", f"{desk.file.parent}/../secret.log", str(desk.file.with_suffix(".txt"))):
        with pytest.raises(Refused) as refused:
            await desk.feature.handle(LogFollow(2, name))
        assert refused.value.reason is RefusalReason.POLICY
    with pytest.raises(Refused):
        desk.file.unlink()
        await desk.feature.handle(LogFollow(2))


async def test_so_many_are_followed_and_none_without_the_permission(desk: Desk) -> None:
    for request in range(MOST_FOLLOWED):
        await desk.feature.handle(LogFollow(request))
    with pytest.raises(Refused) as refused:
        await desk.feature.handle(LogFollow(9))
    assert refused.value.reason is RefusalReason.LIMIT
    desk.feature.capability_lost(Capability.DIAGNOSTICS)
    assert len(desk.context.of(LogEnded)) == MOST_FOLLOWED
    desk.context.sent.clear()
    with desk.file.open("a") as file:
        file.write("later\n")
    await let_pass(0.6)
    assert not desk.context.sent


async def test_what_comes_during_a_pause_is_counted_and_not_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[str] = []
    plain = Allowance.offer

    def offer(self: Allowance, line: LogLine, *, room: bool) -> None:
        plain(self, line, room=room)
        offered.append(line.text)

    monkeypatch.setattr(Allowance, "offer", offer)
    await desk.feature.handle(LogFollow(2))
    await eventually_async(lambda: desk.lines() == ["one", "two failed"], "what is there")
    desk.context.sent.clear()
    desk.context.held.discard(Capability.DIAGNOSTICS)
    with desk.file.open("a") as file:
        file.write("meanwhile\n" * 5)
    await eventually_async(lambda: offered[2:] == ["meanwhile"] * 5, "they are read")
    assert not desk.context.sent
    desk.context.held.add(Capability.DIAGNOSTICS)
    with desk.file.open("a") as file:
        file.write("after it\n")
    await eventually_async(lambda: "after it" in desk.lines(), "what came after the pause")
    assert desk.lines() == ["after it"]
    assert sum(message.left_out for message in desk.context.of(LogLines)) == 5


async def test_a_number_that_is_used_again_belongs_to_the_one_that_uses_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was stopped takes a moment to end; meanwhile its number may have been given to another."""
    ending = asyncio.Event()

    async def slow(source: str, lines: int, *, follow: bool) -> AsyncIterator[LogLine]:
        try:
            await asyncio.Event().wait()
        finally:
            await ending.wait()
        yield LINE

    with monkeypatch.context() as patched:
        patched.setattr(log_source, "file_lines", slow)
        await desk.feature.handle(LogFollow(2))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await desk.feature.handle(LogStop(2))
        await asyncio.sleep(0)
    await desk.feature.handle(LogFollow(2))
    ending.set()
    await eventually_async(lambda: desk.lines() == ["one", "two failed"], "the second")
    await desk.feature.handle(LogStop(2))
    assert desk.context.of(LogEnded) == [LogEnded(2), LogEnded(2)]


async def test_what_sends_ends_with_what_is_followed(desk: Desk) -> None:
    await desk.feature.handle(LogFollow(2))
    await eventually_async(lambda: len(desk.context.tasks.running) == 2, "both")
    await desk.feature.handle(LogStop(2))
    await eventually_async(lambda: not desk.context.tasks.running, "the end of both")


def test_a_flood_is_left_out_and_counted() -> None:
    now = [0.0]
    allowance = Allowance(lambda: now[0])
    for _ in range(LINES_PER_SECOND + 50):
        allowance.offer(LINE, room=True)
    taken = allowance.take(7)
    assert sum(len(message.lines) for message in taken) == LINES_PER_SECOND
    assert [message.left_out for message in taken] == [50, 0]
    allowance.offer(LINE, room=True)
    assert allowance.take(7) == [LogLines(7, [], 1)]
    now[0] = 1.0
    allowance.offer(LINE, room=False)
    allowance.offer(LINE, room=True)
    assert allowance.take(7) == [LogLines(7, [LINE], 1)]


@pytest.mark.parametrize(
    ("wish", "passes"),
    [
        (LogFollow(1), True),
        (LogFollow(1, priority=4), True),
        (LogFollow(1, priority=3), False),
        (LogFollow(1, unit="cron"), True),
        (LogFollow(1, unit="cron.service"), True),
        (LogFollow(1, unit="ssh"), False),
        (LogFollow(1, text="failed HERE"), True),
        (LogFollow(1, text="nothing"), False),
    ],
)
def test_filters(wish: LogFollow, passes: bool) -> None:
    assert fits(LINE, wish) is passes
