"""A technician watches: samples, programs and services come until they stop, or may not look any more."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from agent.diagnostics.live import Counters, read_counters
from agent.features import live
from agent.features.live import MOST_WAITING, LiveFeature
from protocol.capabilities import Capability
from protocol.errors import RefusalReason
from protocol.messages import Lane, decode_message, encode_message
from protocol.messages.live import LiveProcesses, LiveSample, LiveServices, LiveStart, LiveStop
from tests.kit.feature_context import RecordingContext
from tests.kit.waiting import eventually_async, let_pass


class SlowContext(RecordingContext):
    """A connection with so many bytes waiting."""

    waiting = 0

    def pending(self, lane: Lane) -> int:
        return self.waiting if lane is Lane.CONTROL else 0


async def test_samples_programs_and_services_of_this_machine(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    feature = LiveFeature(context)
    await feature.handle(LiveStart(5, interval=0.5, processes=True, services=True, order="memory"))
    sample, processes, services = (
        await context.next(LiveSample),
        await context.next(LiveProcesses),
        await context.next(LiveServices),
    )
    assert sample.request == processes.request == services.request == 5
    assert sample.memory_total > 0 and processes.running >= processes.total > 0
    assert [row.memory for row in processes.rows] == sorted((row.memory for row in processes.rows), reverse=True)
    assert services.status == ("ok" if Path("/run/systemd/system").is_dir() else "unsupported")
    assert (services.reason == "") == (services.status == "ok")
    for message in (sample, processes, services):
        assert decode_message(encode_message(message)) == message
    assert context.audited == [("live readings watched", {"processes": True, "services": True})]
    await context.close(feature)


async def test_a_search_names_our_own_program(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    feature = LiveFeature(context)
    name = Path(f"/proc/{os.getpid()}/comm").read_text().strip()
    await feature.handle(LiveStart(5, processes=True, text="no program is called this"))
    await feature.handle(LiveStart(6, processes=True, text=name))  # at once: what the first left behind does no harm
    found = await context.next(LiveProcesses)
    assert found.request == 6 and os.getpid() in {row.pid for row in found.rows if row.own}
    assert len(context.audited) == 1
    await context.close(feature)


async def test_nothing_is_sent_after_a_stop_or_without_the_capability(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    feature = LiveFeature(context)
    await feature.handle(LiveStart(1, interval=0.5))
    await context.next(LiveSample)
    await feature.handle(LiveStop())
    assert not context.tasks.running
    await feature.handle(LiveStart(2, interval=0.5))
    feature.capability_lost(Capability.CHAT)
    assert context.tasks.running
    feature.capability_lost(Capability.DIAGNOSTICS)
    await eventually_async(lambda: not context.tasks.running, "the watch's end")
    await context.close(feature)


async def test_what_would_be_old_is_left_out_and_counted(tmp_path: Path) -> None:
    context = SlowContext(tmp_path)
    context.waiting = MOST_WAITING
    feature = LiveFeature(context)
    await feature.handle(LiveStart(1, interval=0.5))
    await eventually_async(lambda: feature.skipped, "a sample that was left out")
    assert context.sent == []
    context.waiting = 0
    assert (await context.next(LiveSample)).skipped > 0
    await context.close(feature)


async def test_a_reading_that_hangs_is_said_once_and_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()
    plain = read_counters

    def hangs(at: float) -> Counters:
        assert answer.wait(20)
        return plain(at)

    monkeypatch.setattr(live, "read_counters", hangs)
    monkeypatch.setattr(live, "TOLD_SECONDS", 0.1)
    monkeypatch.setattr(live, "HANGING_SECONDS", 0.01)
    context = RecordingContext(tmp_path)
    feature = LiveFeature(context)
    await feature.handle(LiveStart(1, interval=0.5))
    await eventually_async(lambda: context.refused, "the first hangs")
    await feature.handle(LiveStart(2, interval=0.5))  # what the first left behind hangs on
    await eventually_async(lambda: len(context.refused) == 2, "the second is behind it")
    await let_pass(0.3)
    assert [(message.request, reason) for message, reason, _ in context.refused] == [  # type: ignore[attr-defined]  # a start
        (1, RefusalReason.UNSUPPORTED),
        (2, RefusalReason.UNSUPPORTED),
    ]
    assert "hangs" in context.refused[0][2]
    answer.set()
    assert (await context.next(LiveSample)).request == 2
    await context.close(feature)


async def test_through_a_pause_nothing_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[float] = []
    plain = read_counters

    def counted(at: float) -> Counters:
        read.append(at)
        return plain(at)

    monkeypatch.setattr(live, "read_counters", counted)
    context = RecordingContext(tmp_path)
    context.held.discard(Capability.DIAGNOSTICS)
    feature = LiveFeature(context)
    await feature.handle(LiveStart(1, interval=0.5, processes=True, services=True))
    await let_pass(1.1)
    assert not read
    context.held.add(Capability.DIAGNOSTICS)
    assert (await context.next(LiveSample)).skipped >= 2
    await context.close(feature)


async def test_who_is_cancelled_while_a_watch_ends_stays_cancelled(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    feature, may_end = LiveFeature(context), asyncio.Event()

    async def slow_to_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await may_end.wait()

    watch = context.spawn(slow_to_end(), "a watch")
    feature._watches.append(watch)
    await asyncio.sleep(0)
    stopping = context.spawn(feature.handle(LiveStop()), "stopping")
    await asyncio.sleep(0)
    stopping.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    await context.close(feature)
