"""A recording is announced before it is answered, once, and its end is told whoever brings it about."""

from pathlib import Path

import pytest

from agent.features.recording import RecordingFeature
from protocol.capabilities import Capability
from protocol.errors import Unavailable
from protocol.messages.recording import RecordingStart, RecordingState, RecordingStop
from tests.kit.feature_context import RecordingContext


async def test_it_is_shown_and_written_down_before_the_answer(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    feature = RecordingFeature(context)
    await feature.handle(RecordingStart(4))
    assert context.recording
    assert context.audited == [("recording started", {})]
    assert context.sent == [RecordingState(True, 4)]
    await feature.handle(RecordingStart(5))
    assert context.sent[-1] == RecordingState(True, 5)
    assert len(context.audited) == 1


async def test_nothing_begins_when_it_cannot_be_written_down(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    context.audit_is_full = True
    with pytest.raises(Unavailable):
        await RecordingFeature(context).handle(RecordingStart(1))
    assert not context.recording
    assert context.sent == []


@pytest.mark.parametrize("by", ["technician", "user"])
async def test_its_end_is_told_whoever_ends_it(tmp_path: Path, by: str) -> None:
    context = RecordingContext(tmp_path)
    feature = RecordingFeature(context)
    await feature.handle(RecordingStart(1))
    if by == "technician":
        await feature.handle(RecordingStop())
    else:
        feature.capability_lost(Capability.RECORDING)
    assert not context.recording
    assert context.sent[-1] == RecordingState(False, 0, by)
    assert context.audited[-1] == ("recording ended", {"by": by})
    await feature.handle(RecordingStop())
    assert len(context.sent) == 2


async def test_another_capability_that_goes_leaves_it_alone(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    feature = RecordingFeature(context)
    await feature.handle(RecordingStart(1))
    feature.capability_lost(Capability.CONTROL)
    assert context.recording
