"""Pointing is handed to what can show it: newest place first, bounded, and gone with the capability."""

from pathlib import Path

import pytest

from agent.features.base import Watched
from agent.features.pointer import BURST, STEP_SECONDS, Budget, PointerFeature
from agent.local_messages import DrawingCleared, PointerClicked, PointerMoved, StrokeDrawn
from protocol.capabilities import Capability
from protocol.errors import RefusalReason
from protocol.messages.pointer import PointerAway, PointerClear, PointerClick, PointerPlace, PointerState, PointerStroke
from tests.kit.feature_context import RecordingContext
from tests.kit.waiting import eventually_async, let_pass


def begin(home: Path, *, draws: bool = True) -> tuple[RecordingContext, PointerFeature]:
    """A session that watches the right one of two monitors."""
    context = RecordingContext(home)
    context.watched = Watched(1920, 0, 1280, 1024)
    context.draws = draws
    return context, PointerFeature(context)


async def test_places_are_those_of_the_display_and_stay_inside_what_is_watched(tmp_path: Path) -> None:
    context, feature = begin(tmp_path)
    await feature.handle(PointerClick(10, 20))
    await feature.handle(PointerClick(-5, 9000))
    await feature.handle(PointerStroke(1, "arrow", 2, True, 0, [(0, 0), (5000, 7)]))
    assert context.drawn == [
        PointerClicked(1930, 20),
        PointerClicked(1920, 1023),
        StrokeDrawn(1, "arrow", 2, True, 0, [(1920, 0), (3199, 7)]),
    ]


async def test_of_many_places_the_newest_goes_on(tmp_path: Path) -> None:
    context, feature = begin(tmp_path)
    for x in range(500):
        await feature.handle(PointerPlace(x, 0))
    assert context.drawn == [PointerMoved(1920, 0, True)]
    last = [PointerMoved(1920, 0, True), PointerMoved(1920 + 499, 0, True)]
    await eventually_async(lambda: context.drawn == last, "the newest place")
    await feature.close()


async def test_the_technician_hears_whether_it_shows_once(tmp_path: Path) -> None:
    context, feature = begin(tmp_path)
    await feature.handle(PointerClick(1, 1))
    await feature.handle(PointerClick(1, 1))
    assert context.sent == [PointerState(True, "")]
    context.draws = False
    await feature.handle(PointerClear())
    state = context.sent[-1]
    assert isinstance(state, PointerState)
    assert not state.shown
    assert "terminal" in state.text


async def test_without_a_picture_a_place_means_nothing(tmp_path: Path) -> None:
    context, feature = begin(tmp_path)
    context.watched = Watched()
    for message in (PointerPlace(1, 1), PointerClick(1, 1), PointerStroke(1, "pen", 0, False, 0, [(1, 1)])):
        await feature.handle(message)
    assert [reason for _, reason, _ in context.refused] == [RefusalReason.INVALID] * 3
    assert context.drawn == []


async def test_too_many_strokes_are_refused_by_name(tmp_path: Path) -> None:
    context, feature = begin(tmp_path)
    for _ in range(BURST + 50):
        await feature.handle(PointerClick(1, 1))
    assert BURST <= len(context.drawn) < BURST + 50
    assert [reason for _, reason, _ in context.refused] == [RefusalReason.LIMIT]


async def test_going_away_and_clearing_are_bounded_too(tmp_path: Path) -> None:
    """Each line to the person's windows takes room where a click on Stop must go."""
    context, feature = begin(tmp_path)
    await feature.handle(PointerStroke(1, "pen", 0, True, 0, [(1, 1)]))
    for x in range(500):
        await feature.handle(PointerPlace(x, 0))
        await feature.handle(PointerAway())
        await feature.handle(PointerClear())
    stroke, cleared, place = StrokeDrawn(1, "pen", 0, True, 0, [(1921, 1)]), DrawingCleared(), PointerMoved(1920, 0, True)
    assert context.drawn == [stroke, place, cleared]
    await eventually_async(lambda: context.drawn[3:] == [PointerMoved(0, 0, False)], "it went away")
    assert context.refused == []
    await feature.handle(PointerClick(1, 1))
    await feature.handle(PointerClear())
    assert context.drawn[4:] == [PointerClicked(1921, 1), cleared]


async def test_a_stroke_has_an_end(tmp_path: Path) -> None:
    context, feature = begin(tmp_path)
    await feature.handle(PointerStroke(1, "pen", 0, False, 500, [(x, 0) for x in range(64)]))
    stroke = context.drawn[0]
    assert isinstance(stroke, StrokeDrawn)
    assert len(stroke.points) == 12


@pytest.mark.parametrize("how", ["lost", "paused", "closed"])
async def test_everything_goes_with_what_allowed_it(tmp_path: Path, how: str) -> None:
    context, feature = begin(tmp_path)
    await feature.handle(PointerClick(1, 1))
    await feature.handle(PointerPlace(5, 5))
    await feature.handle(PointerPlace(6, 6))
    if how == "lost":
        feature.capability_lost(Capability.POINTER)
    elif how == "paused":
        feature.paused(True)
    else:
        await feature.close()
    wiped = [DrawingCleared(), PointerMoved(0, 0, False)]
    assert context.drawn[-2:] == wiped
    await let_pass(STEP_SECONDS * 3)
    assert context.drawn[-2:] == wiped


async def test_another_capability_that_goes_changes_nothing(tmp_path: Path) -> None:
    context, feature = begin(tmp_path)
    await feature.handle(PointerAway())
    feature.capability_lost(Capability.CONTROL)
    feature.paused(False)
    assert context.drawn == [PointerMoved(0, 0, False)]


def test_a_budget_fills_again_with_time() -> None:
    budget = Budget(0.0)
    assert sum(budget.spend(0.0) for _ in range(500)) == BURST
    assert sum(budget.spend(0.5) for _ in range(500)) == 30
    assert sum(budget.spend(1000.0) for _ in range(500)) == BURST
