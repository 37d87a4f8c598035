"""The picture in the browser is the picture that was sent: exact for tiles and copies, in order behind video."""

import time

import numpy as np
import pytest
import zstandard
from playwright.async_api import expect

from agent.backends.geometry import Rect
from agent.screen.av1 import Av1Stream, decodes_av1
from agent.screen.encode import Budget, UpdateBuilder
from agent.screen.frames import Frames
from agent.screen.video import VideoQuality, VideoStream, choose_profile, decodes_both
from protocol.capabilities import Capability
from protocol.messages.screen import (
    Copy,
    CursorMove,
    Monitor,
    ScreenAck,
    ScreenLayout,
    ScreenRefresh,
    ScreenStart,
    ScreenState,
    ScreenStop,
    Tile,
    Video,
)
from protocol.messages.session import Paused
from tests.integration.console.conftest import Open, Technician
from tests.kit.console import Picture, arrow, bgr_tile
from tests.kit.console_page import STILL
from tests.kit.waiting import PATIENCE
from tests.unit.agent.screen.pictures import captions

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

RANDOM = np.random.default_rng(11)


def noise(width: int, height: int) -> Picture:
    return RANDOM.integers(0, 256, (height, width, 3), np.uint8)


class Encoder:
    """The agent's own encoder, at one place of the picture."""

    def __init__(self, area: Rect, full_colour: bool, number: int = 1, *, av1: bool = False) -> None:
        quality = VideoQuality(10.0, 50_000_000)
        self._area = area
        self._stream: VideoStream | Av1Stream
        if av1:
            self._stream = Av1Stream(number, area, bitrate=quality.bitrate)
        else:
            self._stream = VideoStream(number, area, full_chroma=full_colour, quality=quality, bitrate=quality.bitrate)

    def encode(self, pixels: Picture) -> Video:
        """One picture; `pixels` has the area's size."""
        area = self._area
        display = np.zeros((area.y + area.height + 2, area.x + area.width + 2, 4), np.uint8)
        display[area.y : area.y + area.height, area.x : area.x + area.width, :3] = pixels[..., ::-1]
        return self._stream.encode(display)


def closeness(a: Picture, b: Picture) -> float:
    """PSNR in dB."""
    error = np.mean((a.astype(float) - b.astype(float)) ** 2)
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


async def test_the_first_picture_is_exact_and_the_decoders_are_named(open_console: Open) -> None:
    picture = noise(1366, 768)
    async with open_console(picture) as technician:
        await technician.open_session()
        assert np.array_equal(await technician.canvas(), picture)
        start = technician.session.of(ScreenStart)[0]
        assert isinstance(start, ScreenStart)
        assert any(codec.startswith("avc1.f4") for codec in start.decoders)
        assert any(codec.startswith("avc1.64") for codec in start.decoders)
        assert decodes_av1(start.decoders)


async def test_tiles_fills_and_overlapping_copies_end_up_exact(open_console: Open) -> None:
    picture = noise(320, 200)
    async with open_console(picture) as technician:
        await technician.open_session()
        shown = picture.copy()
        last = 0
        for _ in range(40):
            operations: list[Copy | Tile] = []
            for _ in range(int(RANDOM.integers(1, 4))):
                width, height = int(RANDOM.integers(1, 200)), int(RANDOM.integers(1, 150))
                x, y = int(RANDOM.integers(0, 320 - width)), int(RANDOM.integers(0, 200 - height))
                kind = RANDOM.integers(0, 4)
                if kind == 0:
                    from_x, from_y = int(RANDOM.integers(0, 320 - width)), int(RANDOM.integers(0, 200 - height))
                    shown[y : y + height, x : x + width] = shown[from_y : from_y + height, from_x : from_x + width].copy()
                    operations.append(Copy(x, y, width, height, from_x, from_y))
                elif kind == 1:
                    colour = bytes(int(value) for value in RANDOM.integers(0, 256, 3))
                    shown[y : y + height, x : x + width] = tuple(colour[::-1])
                    operations.append(Tile(x, y, width, height, "fill", colour))
                elif kind == 2:
                    pixels = noise(width, height)
                    red, green, blue = (pixels[..., channel] for channel in range(3))
                    planes = np.stack((green, blue - green, red - green)).transpose(0, 2, 1)
                    shown[y : y + height, x : x + width] = pixels
                    operations.append(Tile(x, y, width, height, "zstd-planes", zstandard.compress(planes.tobytes())))
                else:
                    pixels = noise(width, height)
                    shown[y : y + height, x : x + width] = pixels
                    operations.append(bgr_tile(x, y, pixels))
            last = technician.session.update(*operations)
        await technician.painted(last)
        assert np.array_equal(await technician.canvas(), shown)
        acks = [ack.sequence for ack in technician.session.of(ScreenAck) if isinstance(ack, ScreenAck)]
        assert acks == list(range(1, last + 1))


@pytest.mark.parametrize(("codec", "near"), [("avc1.F4", 40), ("avc1.64", 30), ("av01.0", 30)])
async def test_video_is_decoded_and_a_tile_after_it_lies_over_it(open_console: Open, codec: str, near: float) -> None:
    smooth = np.zeros((240, 320, 3), np.uint8)
    smooth[..., 0] = np.linspace(0, 255, 320)[None, :]
    smooth[..., 2] = np.linspace(255, 0, 240)[:, None]
    async with open_console(np.zeros((300, 400, 3), np.uint8)) as technician:
        await technician.open_session()
        # An odd size away from the corner: what is coded is a pixel larger than what is to be seen.
        encoder = Encoder(Rect(33, 21, 319, 239), codec == "avc1.F4", av1=codec == "av01.0")
        patch = noise(40, 30)
        last = 0
        for step in range(12):
            video = encoder.encode(np.roll(smooth, step * 5, axis=1)[:239, :319])
            assert video.codec.startswith(codec)
            last = technician.session.update(video, bgr_tile(100 + step, 100, patch), exact=False)
        await technician.painted(last)
        shown = await technician.canvas()
        assert np.array_equal(shown[100:130, 111:151], patch)
        expected = np.roll(smooth, 55, axis=1)[:239, :319].copy()
        covered = np.zeros((239, 319), bool)
        covered[79:109, 78:118] = True
        region = shown[21:260, 33:352]
        assert closeness(region[~covered], expected[~covered]) > near
        assert not shown[260:, :].any()
        assert not shown[:, 352:].any()


async def test_coloured_text_in_a_film_is_sharp_where_the_browser_decodes_full_colour(open_console: Open) -> None:
    frames, ample = Frames(400, 300), Budget(tile_bytes=10**8, refine_bytes=10**8, bitrate=10**8, byte_rate=1e9)
    async with open_console(np.zeros((300, 400, 3), np.uint8)) as technician:
        await technician.open_session()
        start = technician.session.of(ScreenStart)[0]
        assert isinstance(start, ScreenStart)
        # What the agent makes of the decoders that this browser names.
        chroma, either = choose_profile(start.decoders, start.quality), decodes_both(start.decoders)
        assert (chroma, either) == (False, True)
        builder = UpdateBuilder(frames, full_chroma=chroma, either_chroma=either)
        codecs, last = [], 0
        for step in range(20):
            frames.now[:240, :320] = captions(240, 320, seed=step + 1)
            frames.mark(Rect(0, 0, 320, 240))
            built = builder.build(step / 30, ample, frames.dirty.copy())
            codecs += [operation.codec for operation in built.operations if isinstance(operation, Video)]
            last = technician.session.update(*built.operations, exact=built.exact)
        assert len(codecs) > 10
        assert all(codec.startswith("avc1.F4") for codec in codecs)
        await technician.painted(last)
        expected = frames.now[:240, :320].view(np.uint8).reshape(240, 320, 4)[..., 2::-1]
        assert closeness((await technician.canvas())[:240, :320], expected) > 28


async def test_a_stream_that_does_not_begin_with_a_key_picture_is_asked_for_anew(open_console: Open) -> None:
    async with open_console(np.zeros((240, 320, 3), np.uint8)) as technician:
        await technician.open_session()
        encoder = Encoder(Rect(0, 0, 320, 240), True)
        encoder.encode(noise(320, 240))
        last = technician.session.update(encoder.encode(noise(320, 240)), exact=False)
        await technician.painted(last)
        assert technician.session.of(ScreenRefresh) == [ScreenRefresh()]


async def test_junk_instead_of_video_costs_a_refresh_and_nothing_else(open_console: Open) -> None:
    async with open_console(np.zeros((240, 320, 3), np.uint8)) as technician:
        await technician.open_session()
        junk = Video(0, 0, 320, 240, 6, "avc1.64002A", True, b"\0\0\0\1\x65" + bytes(RANDOM.integers(0, 256, 500, np.uint8)))
        impossible = Video(0, 0, 320, 240, 7, "no such codec", True, b"x")
        patch = noise(50, 50)
        technician.session.picture[10:60, 10:60] = patch  # so that the refresh, which may come first or last, says the same
        technician.session.update(junk)
        technician.session.update(impossible)
        await technician.painted(technician.session.update(bgr_tile(10, 10, patch)))
        assert np.array_equal((await technician.canvas())[10:60, 10:60], patch)
        assert technician.session.of(ScreenRefresh)


async def test_a_new_size_in_the_middle_of_a_session(open_console: Open) -> None:
    async with open_console(noise(640, 480)) as technician:
        await technician.open_session()
        session = technician.session
        stale = session.epoch
        session.picture = noise(1024, 600)
        session.show()
        await technician.painted(session.sequence)
        assert np.array_equal(await technician.canvas(), session.picture)
        session.epoch = stale
        session.update(Tile(0, 0, 640, 480, "fill", b"abc"))
        session.epoch = stale + 1
        await technician.painted(session.update(Tile(1023, 599, 1, 1, "fill", b"\1\2\3")))
        shown = await technician.canvas()
        assert tuple(shown[599, 1023]) == (3, 2, 1)
        assert np.array_equal(shown[:599], session.picture[:599])


async def test_fit_one_to_one_and_the_width_of_the_panel(open_console: Open) -> None:
    async with open_console(noise(1920, 1080)) as technician:
        await technician.open_session()
        page = technician.page
        await page.locator("#screen").evaluate(STILL)
        fitted = await page.locator("#screen").bounding_box()
        room = await page.locator(".room").bounding_box()
        assert fitted is not None
        assert room is not None
        assert fitted["width"] == pytest.approx(room["width"], abs=1)
        assert fitted["width"] / fitted["height"] == pytest.approx(1920 / 1080, rel=0.01)
        await page.get_by_role("separator").focus()
        await page.keyboard.press("ArrowLeft")
        await expect(page.locator(".side-frame")).to_have_css("width", "420px")
        await page.get_by_role("radio", name="1:1").click()
        await expect(page.locator("#screen")).to_have_css("width", "1920px")
        await expect(page.locator("#screen")).to_have_css("height", "1080px")


async def pointer(technician: Technician) -> tuple[float, float] | None:
    """Where the drawn pointer's corner is, in source pixels."""
    box = await technician.page.locator(".pointer").bounding_box()
    screen = await technician.page.locator("#screen").bounding_box()
    if box is None or screen is None:
        return None
    scale = screen["width"] / technician.session.picture.shape[1]
    return (box["x"] - screen["x"]) / scale, (box["y"] - screen["y"]) / scale


async def points_at(technician: Technician, x: int, y: int) -> None:
    """Until the pointer is drawn there."""
    end = time.monotonic() + PATIENCE
    while (there := await pointer(technician)) != pytest.approx((x, y), abs=1.5):
        assert time.monotonic() < end, there
        await technician.page.wait_for_timeout(20)


async def test_the_pointer_is_drawn_here_while_controlling_and_there_while_watching(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        await technician.page.mouse.move(*await technician.place(200, 150))
        await expect(technician.page.locator(".pointer")).to_be_visible()
        await points_at(technician, 200, 150)
        technician.session.grant(Capability.VIEW)
        technician.session.say(CursorMove(400, 300))
        await technician.painted(technician.session.update(Tile(0, 0, 1, 1, "fill", b"abc")))
        await expect(technician.page.locator(".picture-control")).to_have_count(0)
        await points_at(technician, 400, 300)
        technician.session.say(type(arrow())(9, 0, 0, 0, 0, b""))
        await expect(technician.page.locator(".pointer")).to_be_hidden()


async def test_pause_and_a_lost_display_are_said_over_the_picture(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        technician.session.say(Paused(True, "user"))
        await expect(technician.page.locator(".veil")).to_have_text("The user has paused the session.")
        technician.session.say(Paused(False))
        await expect(technician.page.locator(".veil")).to_have_count(0)
        technician.session.say(ScreenState("lost", "The display went away; waiting for it."))
        await expect(technician.page.locator(".veil")).to_have_text("The display went away; waiting for it.")
        technician.session.say(ScreenState("running"))
        await expect(technician.page.locator(".veil")).to_have_count(0)


async def test_without_view_nothing_is_started_until_it_is_granted(open_console: Open) -> None:
    async with open_console(granted=(Capability.CHAT,)) as technician:
        await technician.open_session()
        await expect(technician.page.get_by_text("You may not see the screen")).to_be_visible()
        assert technician.session.of(ScreenStart) == []
        await technician.page.locator(".veil").get_by_role("button", name="Ask for it").click()
        await technician.painted(1)
        assert technician.session.asked == [(Capability.VIEW, "")]


async def test_another_quality_starts_the_stream_anew(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        await technician.page.locator("[data-menu=quality-choice] > button").click()
        await technician.page.get_by_role("button", name="Data saver").click()
        await technician.painted(2)
        starts = [message.quality for message in technician.session.of(ScreenStart) if isinstance(message, ScreenStart)]
        assert starts == ["auto", "saver"]


async def test_a_reload_keeps_the_session_and_shows_it_again(open_console: Open) -> None:
    async with open_console(noise(400, 300)) as technician:
        await technician.open_session()
        await technician.page.reload()
        await technician.painted(2)
        assert np.array_equal(await technician.canvas(), technician.session.picture)
        assert ScreenStop() in technician.session.sent
        assert technician.session.over is None
        assert len(technician.relay.opened) == 1


async def test_a_small_change_is_painted_within_milliseconds(open_console: Open) -> None:
    """Not a benchmark: it only notices when painting waits for something it should not wait for."""
    async with open_console(noise(800, 600)) as technician:
        await technician.open_session()
        times: list[float] = []
        end = time.monotonic() + PATIENCE
        while not any(taken < 0.05 for taken in times):  # on a busy machine one of many, were there nothing that it waits for
            assert time.monotonic() < end, sorted(times)
            began = time.perf_counter()
            step = len(times) % 500
            sequence = technician.session.update(Tile(step, step, 20, 20, "fill", b"abc"))
            while technician.session.painted() < sequence:
                await technician.page.evaluate("0")
            times.append(time.perf_counter() - began)


async def test_layouts_of_several_monitors_can_be_chosen(open_console: Open) -> None:
    async with open_console() as technician:
        await technician.open_session()
        session = technician.session
        layout = ScreenLayout(session.epoch, 800, 600, monitors=[])
        monitors = [Monitor("left", 0, 0, 400, 600, True), Monitor("right", 400, 0, 400, 600)]
        session.say(ScreenLayout(layout.epoch, 800, 600, monitors=monitors))
        await technician.page.get_by_label("Monitor", exact=True).select_option("right")
        await technician.painted(2)
        last = session.of(ScreenStart)[-1]
        assert isinstance(last, ScreenStart)
        assert last.monitor == "right"
