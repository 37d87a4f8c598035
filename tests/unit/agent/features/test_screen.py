import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from agent.backends.base import ScreenCapture
from agent.backends.fake.capture import FakeCapture
from agent.features.base import Watched
from agent.features.screen import ScreenFeature
from agent.screen.redact import DARK, LIGHT
from agent.settings import AgentSettings, ScreenSettings
from protocol.capabilities import Capability
from protocol.documents import GroupPolicy
from protocol.errors import RefusalReason, Refused, Unavailable
from protocol.messages import Lane, Message
from protocol.messages.screen import ScreenAck, ScreenRefresh, ScreenStart, ScreenState, ScreenStop, Video
from tests.kit.viewer import Viewer
from tests.kit.waiting import eventually_async, let_pass
from tests.unit.agent.screen.pictures import photo, text


class Context:
    """The part of a session that this feature uses; what is sent goes to a viewer at once."""

    def __init__(self, settings: AgentSettings) -> None:
        self.settings = settings
        self.rules = GroupPolicy()
        self.viewer = Viewer()
        self.watched = Watched()
        self.view = True
        self.recording = False
        self.backlog = 0
        self.answers: list[ScreenAck] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.loop = asyncio.get_running_loop()

    def send(self, message: Message) -> None:
        answer = self.viewer.receive(message)
        if answer is not None:
            self.answers.append(answer)

    def call_from_thread(self, function: Callable[..., object], *args: Any) -> None:
        self.loop.call_soon_threadsafe(function, *args)

    def granted(self, capability: Capability) -> bool:
        return self.view and capability is Capability.VIEW

    def pending(self, lane: Lane) -> int:
        assert lane is Lane.SCREEN
        return self.backlog

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = self.loop.create_task(coroutine, name=name)
        self.tasks.append(task)
        return task


class Harness:
    """A feature, its context and a display in memory."""

    def __init__(self, context: Context, display: FakeCapture) -> None:
        self.context, self.display = context, display
        self.opened: list[tuple[str, str]] = []
        self.open: Callable[[], ScreenCapture] = lambda: display
        self.feature = ScreenFeature(context, self.backend)  # type: ignore[arg-type]

    def backend(self, display: str, backend: str) -> ScreenCapture:
        self.opened.append((display, backend))
        return self.open()

    async def acknowledge(self) -> None:
        while self.context.answers:
            await self.feature.handle(self.context.answers.pop(0))

    async def shows_all(self) -> None:
        for _ in range(500):
            await self.acknowledge()
            picture = self.context.viewer.picture
            shown = picture.pixels.view(np.uint32)[..., 0] if picture.pixels.size else None
            if picture.exact and shown is not None and np.array_equal(shown, self.display.pixels):
                return
            await asyncio.sleep(0.01)
        raise AssertionError("the viewer never showed the display")


@pytest.fixture
async def harness(tmp_path: Any) -> AsyncIterator[Harness]:
    display = FakeCapture(320, 200)
    display.draw(0, 0, text(200, 320))
    settings = AgentSettings(home=tmp_path, screen=ScreenSettings(display=":9", backend="x11"))
    made = Harness(Context(settings), display)
    yield made
    await made.feature.close()
    made.display.close()
    display.close()
    for task in made.context.tasks:
        with contextlib.suppress(RuntimeError):
            await task


async def test_a_stream_starts_with_the_configured_backend_and_is_exact(harness: Harness) -> None:
    await harness.feature.handle(ScreenStart(["avc1.F4001F"]))
    await harness.shows_all()
    assert harness.opened == [(":9", "x11")]
    watched = harness.context.watched
    assert (watched.x, watched.y, watched.width, watched.height) == (0, 0, 320, 200)


async def test_changes_follow_and_acknowledgements_keep_it_flowing(harness: Harness) -> None:
    await harness.feature.handle(ScreenStart([]))
    for seed in range(12):
        harness.display.draw(10, 10, photo(50, 60, seed))
        await harness.shows_all()


@pytest.mark.parametrize(
    ("decoders", "quality", "av1", "codec"),
    [
        (["avc1.f4002a", "avc1.64002a", "av01.0.09M.08"], "auto", True, "avc1.64"),
        (["avc1.f4002a", "avc1.64002a", "av01.0.09M.08"], "sharper", True, "avc1.F4"),
        (["avc1.f4002a", "avc1.64002a", "av01.0.09M.08"], "saver", True, "av01.0."),
        (["avc1.f4002a", "avc1.64002a", "av01.0.09M.08"], "saver", False, "avc1.64"),
        (["avc1.f4002a", "avc1.64002a"], "saver", True, "avc1.64"),
    ],
)
async def test_a_film_goes_as_what_the_viewer_decodes_and_wants_and_the_settings_allow(
    harness: Harness, decoders: list[str], quality: str, av1: bool, codec: str
) -> None:
    settings = harness.context.settings
    harness.context.settings = structs.replace(settings, screen=structs.replace(settings.screen, av1=av1))
    await harness.feature.handle(ScreenStart(decoders, quality=quality))
    await harness.shows_all()
    viewer, found = harness.context.viewer, list[str]()
    for seed in range(500):
        harness.display.draw(0, 0, photo(200, 320, seed % 20))
        await harness.acknowledge()
        found = [operation.codec for update in viewer.updates for operation in update.operations if isinstance(operation, Video)]
        if len(found) > 3:
            break
        await asyncio.sleep(0.01)  # a film has its pace
    assert {name[:7] for name in found} == {codec}
    await harness.shows_all()


async def test_a_stopped_stream_sends_nothing_and_watches_nothing(harness: Harness) -> None:
    await harness.feature.handle(ScreenStart([]))
    await harness.shows_all()
    await harness.feature.handle(ScreenStop())
    assert harness.display.closed
    assert harness.context.watched.width == 0
    sent = len(harness.context.viewer.updates)
    await harness.feature.handle(ScreenRefresh())
    await harness.feature.handle(ScreenAck(1))
    assert len(harness.context.viewer.updates) == sent


async def test_starting_again_replaces_the_stream_and_numbers_go_on(harness: Harness) -> None:
    await harness.feature.handle(ScreenStart([]))
    await harness.shows_all()
    last = harness.context.viewer.updates[-1].sequence
    harness.display = FakeCapture(100, 80)
    harness.open = lambda: harness.display
    await harness.feature.handle(ScreenStart([]))
    await harness.shows_all()
    assert harness.context.viewer.layouts[-1].epoch == 2
    assert harness.context.viewer.updates[-1].sequence > last


async def test_where_policy_demands_a_recording_there_is_no_picture_without_one(harness: Harness) -> None:
    harness.context.rules = GroupPolicy(recording="required")
    with pytest.raises(Refused, match="begin it, then the picture comes") as refused:
        await harness.feature.handle(ScreenStart([]))
    assert refused.value.reason is RefusalReason.POLICY
    assert harness.opened == []
    harness.context.recording = True
    await harness.feature.handle(ScreenStart([]))
    await harness.shows_all()
    with contextlib.suppress(Refused):
        harness.context.recording = False
        await harness.feature.handle(ScreenStart([]))
    assert not harness.display.closed  # what is refused leaves what goes on alone


async def test_a_picture_that_must_be_recorded_ends_with_its_recording(harness: Harness) -> None:
    harness.context.rules = GroupPolicy(recording="required")
    harness.context.recording = True
    await harness.feature.handle(ScreenStart([]))
    await harness.shows_all()
    sent = len(harness.context.viewer.updates)
    harness.context.recording = False
    harness.display.draw(0, 0, photo(50, 50))
    await eventually_async(lambda: harness.display.closed, "the display to be let go")
    assert len(harness.context.viewer.updates) == sent
    state = harness.context.viewer.states[-1]
    assert state.state == "unavailable"
    assert "begin it again" in state.text


async def test_a_refresh_restores_a_lost_picture(harness: Harness) -> None:
    await harness.feature.handle(ScreenStart([]))
    await harness.shows_all()
    harness.context.viewer.picture.pixels[:] = 3
    await harness.feature.handle(ScreenRefresh())
    await harness.shows_all()


async def test_losing_view_ends_the_stream_at_once(harness: Harness) -> None:
    await harness.feature.handle(ScreenStart([]))
    await harness.shows_all()
    harness.context.view = False
    sent = len(harness.context.viewer.updates)
    harness.display.draw(0, 0, photo(50, 50))
    harness.feature.capability_lost(Capability.CONTROL)
    harness.feature.capability_lost(Capability.VIEW)
    await eventually_async(lambda: harness.display.closed, "the display to be let go")
    assert len(harness.context.viewer.updates) == sent


async def test_a_pause_lets_nothing_out_and_the_end_of_it_shows_all(harness: Harness) -> None:
    await harness.feature.handle(ScreenStart([]))
    await harness.shows_all()
    harness.feature.paused(True)
    sent = len(harness.context.viewer.updates)
    harness.display.draw(0, 0, photo(200, 320))
    await eventually_async(lambda: harness.context.viewer.states[-1].state == "paused", "the news of the pause")
    assert len(harness.context.viewer.updates) == sent
    harness.feature.paused(False)
    await harness.shows_all()


async def test_what_was_grabbed_before_a_pause_and_dropped_is_sent_after_it(harness: Harness) -> None:
    await harness.feature.handle(ScreenStart([]))
    await harness.shows_all()
    harness.context.view = False  # granted() is False from the moment of the pause, before the feature is told
    harness.display.draw(0, 0, photo(200, 320))
    await eventually_async(lambda: harness.feature._dropped, "an update to be dropped")
    harness.feature.paused(True)
    harness.context.view = True
    harness.feature.paused(False)
    await harness.shows_all()


async def test_a_start_while_paused_waits(harness: Harness) -> None:
    harness.feature.paused(True)
    await harness.feature.handle(ScreenStart([]))
    await eventually_async(lambda: bool(harness.context.viewer.states), "the news of the pause")
    assert harness.context.viewer.layouts == []
    harness.feature.paused(False)
    await harness.shows_all()


async def test_no_display_is_told_with_the_reason(harness: Harness) -> None:
    def nothing() -> ScreenCapture:
        raise Unavailable("there is none", retry_after=0.01)

    harness.open = nothing
    await harness.feature.handle(ScreenStart([]))
    await eventually_async(lambda: bool(harness.context.viewer.states), "the news")
    assert harness.context.viewer.states == [ScreenState("unavailable", "there is none")]


async def test_a_bug_on_the_thread_ends_the_feature_by_name(harness: Harness) -> None:
    def broken() -> ScreenCapture:
        raise RuntimeError("a bug")

    harness.open = broken
    await harness.feature.handle(ScreenStart([]))
    with pytest.raises(RuntimeError, match="a bug"):
        await asyncio.wait_for(harness.context.tasks[0], 60)


async def test_a_backlog_in_this_process_holds_the_stream(harness: Harness) -> None:
    await harness.feature.handle(ScreenStart([]))
    await harness.shows_all()
    harness.context.backlog = 10**7
    await harness.feature.handle(ScreenAck(0))
    harness.display.draw(0, 0, photo(30, 30))
    await let_pass(0.05)
    assert not np.array_equal(harness.context.viewer.picture.pixels.view(np.uint32)[..., 0], harness.display.pixels)
    harness.context.backlog = 0
    await harness.shows_all()


async def test_what_the_user_hides_is_striped_and_said(harness: Harness) -> None:
    harness.context.settings = AgentSettings(home=Path("/"), screen=ScreenSettings(hide_areas=[(10, 20, 30, 40)]))
    await harness.feature.handle(ScreenStart([]))
    viewer = harness.context.viewer
    await eventually_async(lambda: viewer.picture.exact, "the picture")
    shown = viewer.picture.pixels.view(np.uint32)[..., 0]
    differs = np.argwhere(shown != harness.display.pixels)
    assert differs[:, 0].min() >= 20
    assert differs[:, 0].max() < 60
    assert differs[:, 1].min() >= 10
    assert differs[:, 1].max() < 40
    assert {int(value) & 0xFFFFFF for value in np.unique(shown[20:60, 10:40])} == {LIGHT, DARK}
    await eventually_async(lambda: "hidden, as the user wants" in viewer.states[-1].text, "the news")


async def test_a_policy_that_cannot_be_kept_shows_nothing(harness: Harness) -> None:
    harness.context.rules = GroupPolicy(hide_windows=["*payroll*"])
    await harness.feature.handle(ScreenStart([]))
    viewer = harness.context.viewer
    await eventually_async(lambda: bool(viewer.states), "the news")
    assert viewer.states[-1].state == "unavailable"
    assert "cannot tell windows apart" in viewer.states[-1].text
    assert not viewer.updates
