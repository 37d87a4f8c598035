"""Updates are applied to a picture as a viewer does it; whatever is claimed exact must be equal to the display."""

from dataclasses import replace

import numpy as np
import pytest

from agent.backends.geometry import Rect
from agent.screen.chooser import Why
from agent.screen.encode import Budget, Built, UpdateBuilder
from agent.screen.film import KEPT_SECONDS
from agent.screen.frames import Frames, part
from agent.screen.refine import SETTLE
from protocol.messages.screen import VIDEO_STREAMS, Copy, ScreenLayout, ScreenUpdate, Tile, Video
from technician_client.picture import Picture
from tests.unit.agent.screen.pictures import captions, photo, text

AMPLE = Budget(tile_bytes=10**8, refine_bytes=10**8, bitrate=10**8, byte_rate=1e9)


class Screen:
    """A display, the builder, and the viewer's picture of it."""

    def __init__(
        self, width: int = 800, height: int = 600, *, full_chroma: bool | None = True, either: bool = False, av1: bool = False
    ) -> None:
        self.frames = Frames(width, height)
        quality = "saver" if av1 else "auto"
        self.builder = UpdateBuilder(self.frames, full_chroma=full_chroma, either_chroma=either, av1=av1, quality=quality)
        self.picture = Picture()
        self.picture.apply_layout(ScreenLayout(1, width, height))
        self.now = 100.0
        self.sequence = 0

    def draw(self, area: Rect, block: np.ndarray) -> None:
        part(self.frames.now, area)[...] = block
        self.frames.mark(area)

    def update(self, budget: Budget = AMPLE, after: float = 1 / 30) -> Built:
        self.now += after
        built = self.builder.build(self.now, budget, self.frames.dirty.copy())
        self.sequence += 1
        self.picture.apply_update(ScreenUpdate(self.sequence, 1, 0, list(built.operations), built.exact))
        if built.exact:
            assert self.equal()
        return built

    def equal(self) -> bool:
        shown = self.picture.pixels.view(np.uint32)[..., 0]
        return bool(np.array_equal(shown, self.frames.now[: self.frames.height, : self.frames.width] | np.uint32(0xFF000000)))


@pytest.fixture
def screen() -> Screen:
    made = Screen()
    made.draw(made.frames.area, text(600, 800))
    assert made.update().exact
    return made


def kinds(built: Built) -> list[type]:
    return [type(operation) for operation in built.operations]


def test_nothing_changed_nothing_sent(screen: Screen) -> None:
    screen.frames.mark(screen.frames.area)
    built = screen.update()
    assert built.operations == ()
    assert built.exact


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (801, 601), (16, 16), (5, 3)])
def test_odd_sizes_are_exact_to_the_last_pixel(width: int, height: int) -> None:
    screen = Screen(width, height)
    screen.draw(screen.frames.area, text(height, width))
    assert screen.update().exact
    screen.draw(Rect(width - 1, height - 1, 1, 1), np.full((1, 1), 0xFF00FF00, np.uint32))
    built = screen.update()
    assert built.exact
    assert [(o.width, o.height) for o in built.operations] == [(1, 1)]


def test_typing_is_one_small_tile(screen: Screen) -> None:
    screen.draw(Rect(200, 300, 10, 20), text(20, 10) ^ np.uint32(0x00FFFFFF))
    built = screen.update()
    assert kinds(built) == [Tile]
    assert built.exact
    assert built.size < 500


def test_scrolling_is_a_copy_and_the_new_strip(screen: Screen) -> None:
    page = text(1500, 600)
    window = Rect(100, 50, 600, 500)
    screen.draw(window, page[:500])
    assert screen.update(after=1.0).exact
    screen.now += 1.0
    whole = screen.builder._tiles.encode(screen.frames.now, window)
    for step in range(1, 6):
        screen.draw(window, page[step * 40 : step * 40 + 500])
        built = screen.update()
        assert built.exact
        assert kinds(built)[0] is Copy
        assert Video not in kinds(built)
        assert built.size < len(whole.data) / 4


def film(screen: Screen, pictures: int, area: Rect, budget: Budget = AMPLE) -> list[Built]:
    found = []
    for step in range(pictures):
        screen.draw(area, photo(area.height, area.width, seed=50 + step))
        found.append(screen.update(budget))
    return found


FILM = Rect(201, 103, 320, 241)


def test_a_film_becomes_video_and_exact_within_half_a_second_after_it(screen: Screen) -> None:
    built = film(screen, 10, FILM)
    assert Video not in kinds(built[0])
    pictures = [operation for one in built for operation in one.operations if isinstance(operation, Video)]
    assert [picture.key for picture in pictures] == [True] + [False] * (len(pictures) - 1)
    assert len(pictures) >= 6
    assert not built[-1].exact
    assert screen.builder.next_deadline(screen.now) == pytest.approx(SETTLE)
    assert screen.update(after=0.05).operations == ()
    refined = screen.update(after=SETTLE)
    assert refined.exact
    assert Video not in kinds(refined)
    assert screen.builder.next_deadline(screen.now) is None


def test_text_beside_a_film_stays_exact(screen: Screen) -> None:
    film(screen, 8, FILM)
    screen.draw(Rect(20, 500, 40, 20), text(20, 40, seed=8))
    film(screen, 2, FILM)
    outside = np.ones((600, 800), np.bool_)
    outside[96:352, 192:528] = False
    shown = screen.picture.pixels.view(np.uint32)[..., 0]
    assert np.array_equal(shown[outside], screen.frames.now[:600, :800][outside])


def test_a_film_that_goes_on_after_a_pause_is_shown_and_refined_again(screen: Screen) -> None:
    film(screen, 8, FILM)
    assert screen.update(after=1.0).exact
    film(screen, 8, FILM)
    assert screen.update(after=1.0).exact


def test_the_encoder_of_a_film_that_is_long_over_is_let_go(screen: Screen) -> None:
    film(screen, 8, FILM)
    assert screen.update(after=1.0).exact
    screen.draw(Rect(20, 500, 40, 20), text(20, 40, seed=8))
    screen.update(after=1.0)
    assert screen.builder._streams
    screen.draw(Rect(20, 500, 40, 20), text(20, 40, seed=9))
    screen.update(after=KEPT_SECONDS)
    assert not screen.builder._streams


def test_two_films_one_after_the_other_have_streams_of_their_own(screen: Screen) -> None:
    first = film(screen, 6, Rect(0, 0, 320, 240))
    second = film(screen, 8, Rect(400, 320, 384, 256))
    streams = [o.stream for one in first + second for o in one.operations if isinstance(o, Video)]
    assert streams == sorted(streams)
    assert len(set(streams)) >= 2
    assert screen.update(after=1.0).exact


def videos(built: list[Built]) -> list[Video]:
    return [operation for one in built for operation in one.operations if isinstance(operation, Video)]


def test_a_caret_beside_a_film_costs_no_key_picture_and_leaves_what_is_between_exact(screen: Screen) -> None:
    found = film(screen, 6, FILM)
    for step in range(30):
        screen.draw(Rect(760, 560, 30, 30), photo(30, 30, seed=step))
        found += film(screen, 1, FILM)
    assert [video.key for video in videos(found)].count(True) == 1
    outside = np.ones((600, 800), np.bool_)
    outside[96:352, 192:528] = False
    shown = screen.picture.pixels.view(np.uint32)[..., 0]
    assert np.array_equal(shown[outside], screen.frames.now[:600, :800][outside])


def test_what_spins_where_a_film_has_stopped_lets_the_rest_become_exact(screen: Screen) -> None:
    film(screen, 8, FILM)
    for step in range(20):
        screen.draw(Rect(300, 200, 30, 30), photo(30, 30, seed=step))
        built = screen.update(after=1 / 15)
        assert set(kinds(built)) <= {Tile}
    assert not screen.frames.lossy.any()


def captioned(screen: Screen, pictures: int, budget: Budget = AMPLE) -> list[Built]:
    found = []
    for step in range(pictures):
        screen.draw(FILM, captions(FILM.height, FILM.width, seed=step + 1))
        found.append(screen.update(budget))
    return found


def test_coloured_text_in_a_film_goes_in_full_colour_where_both_kinds_are_decoded() -> None:
    screen = Screen(full_chroma=False, either=True)
    assert {video.codec[:7] for video in videos(film(screen, 8, FILM))} == {"avc1.64"}
    # The running film is looked at every two seconds, and begins anew once.
    found = videos(captioned(screen, 90))
    assert [video.codec[:7] for video in found if video.key] == ["avc1.F4"]
    assert [video.codec[:7] for video in found][-25:] == [found[-1].codec[:7]] * 25
    assert {video.key for video in videos(film(screen, 40, FILM))} == {False}


def test_the_edges_of_a_film_on_a_loud_background_are_no_colour_of_its_own() -> None:
    screen = Screen(full_chroma=False, either=True)
    loud = np.random.default_rng(2).choice(np.array([0xFF2020, 0x20C020, 0x2040FF], np.uint32), (600, 800))
    screen.draw(screen.frames.area, loud)
    assert screen.update().exact
    assert {video.codec[:7] for video in videos(film(screen, 80, FILM))} == {"avc1.64"}


def test_full_colour_is_not_for_who_cannot_decode_it_nor_for_a_slow_link() -> None:
    for either, budget in ((False, AMPLE), (True, replace(AMPLE, byte_rate=200_000.0, bitrate=1_000_000))):
        screen = Screen(full_chroma=False, either=either)
        found = videos(captioned(screen, 40, budget))
        assert found
        assert all(video.codec.startswith("avc1.64") for video in found if video.key)


def test_a_film_goes_as_av1_where_few_bytes_are_wanted_and_becomes_exact() -> None:
    screen = Screen(full_chroma=False, av1=True)
    found = videos(film(screen, 20, FILM))
    assert {video.codec for video in found} == {"av01.0.09M.08"}
    assert [video.key for video in found] == [True] + [False] * (len(found) - 1)
    assert screen.update(after=1.0).exact
    narrow = replace(AMPLE, byte_rate=100_000.0, bitrate=500_000)
    assert all(video.codec.startswith("avc1.") for video in videos(film(screen, 10, FILM, narrow)))


def test_a_film_with_too_much_in_it_for_av1_goes_on_as_h264_whose_rate_is_bounded() -> None:
    screen, generator = Screen(full_chroma=False, av1=True), np.random.default_rng(5)
    found = []
    for _ in range(60):
        screen.draw(FILM, generator.integers(0, 2**24, (FILM.height, FILM.width), np.uint32))
        found += videos([screen.update()])
    codecs = [video.codec[:4] for video in found]
    assert codecs == sorted(codecs)
    assert {*codecs} == {"av01", "avc1"}


def test_a_stream_whose_decoder_the_viewer_has_dropped_begins_anew() -> None:
    screen = Screen()
    first = videos(film(screen, 6, FILM))[-1]
    screen.builder._streams.next_number = first.stream + VIDEO_STREAMS
    assert not videos(captioned(screen, 1))[0].key
    screen.builder._streams.next_number = first.stream + VIDEO_STREAMS + 1
    again = videos(film(screen, 1, FILM))[0]
    assert (again.key, again.stream) == (True, first.stream + VIDEO_STREAMS + 1)


def test_two_films_at_two_ends_leave_what_is_between_them_alone(screen: Screen) -> None:
    ends = (Rect(16, 16, 240, 160), Rect(544, 416, 240, 160))
    for step in range(20):
        for seed, end in enumerate(ends):
            screen.draw(end, photo(end.height, end.width, seed=10 * step + seed))
        built = screen.update()
    assert sorted((video.x, video.y) for video in built.operations if isinstance(video, Video)) == [(16, 16), (544, 416)]
    assert len({video.stream for video in built.operations if isinstance(video, Video)}) == 2
    assert not screen.frames.lossy[12:26, :].any()
    assert int(screen.frames.lossy.sum()) <= 2 * 17 * 12
    assert screen.update(after=1.0).exact


def test_a_viewer_without_a_decoder_gets_tiles_only() -> None:
    screen = Screen(full_chroma=None)
    for built in film(screen, 6, FILM):
        assert set(kinds(built)) == {Tile}
        assert built.exact


def test_a_photograph_too_large_for_the_link_comes_lossy_first() -> None:
    screen = Screen()
    slow = Budget(tile_bytes=20_000, refine_bytes=20_000, bitrate=2_000_000, byte_rate=250_000)
    screen.draw(screen.frames.area, photo(600, 800))
    first = screen.update(slow)
    assert set(kinds(first)) == {Video}
    assert first.size < 0.3 * 250_000
    assert first.made[0].why is Why.LINK
    steps = 0
    while not screen.update(slow, after=0.2).exact:
        steps += 1
        assert steps < 100


def test_a_budget_leaves_the_rest_for_later_and_what_is_fresh_goes_first() -> None:
    screen = Screen(full_chroma=None)
    small = Budget(tile_bytes=30_000, refine_bytes=30_000, bitrate=10**7, byte_rate=1e6)
    screen.draw(screen.frames.area, photo(600, 800))
    assert not screen.update(small).exact
    assert screen.frames.dirty.any()
    fresh = np.zeros_like(screen.frames.dirty)
    corner = Rect(700, 580, 16, 16)
    screen.draw(corner, text(16, 16))
    fresh[screen.frames.cells(corner).slices] = True
    built = screen.builder.build(screen.now, small, fresh)
    first = built.operations[0]
    assert isinstance(first, Tile)
    assert first.y >= 560


def test_copying_what_is_lossy_stays_lossy_until_refined(screen: Screen) -> None:
    page = photo(700, 320, seed=4)
    window = Rect(192, 96, 320, 256)
    film(screen, 8, window)
    screen.draw(window, page[:256])
    assert not screen.update().exact
    for step in range(1, 4):
        screen.draw(window, page[step * 20 : step * 20 + 256])
        assert not screen.update().exact
    steps = 0
    while not screen.update(after=0.2).exact:
        steps += 1
        assert steps < 5


def test_forgetting_sends_everything_anew_with_a_key_picture(screen: Screen) -> None:
    film(screen, 8, FILM)
    screen.builder.forget()
    screen.picture.apply_layout(ScreenLayout(1, 800, 600))
    later = [screen.update(), *film(screen, 6, FILM)]
    first = next(o for one in later for o in one.operations if isinstance(o, Video))
    assert first.key
    assert screen.update(after=1.0).exact


def test_random_drawing_always_ends_exact() -> None:
    generator = np.random.default_rng(11)
    screen = Screen(517, 389)
    for step in range(120):
        width, height = int(generator.integers(1, 500)), int(generator.integers(1, 380))
        area = Rect(int(generator.integers(0, 517 - width)), int(generator.integers(0, 389 - height)), width, height)
        match step % 4:
            case 0:
                screen.draw(area, text(height, width, seed=step))
            case 1:
                screen.draw(area, photo(height, width, seed=step))
            case 2:
                screen.draw(area, np.full((height, width), 0xFF000000 | step * 7919, np.uint32))
            case _:
                shift = min(area.y, 23)
                screen.draw(area.moved(0, -shift), part(screen.frames.now, area).copy())
        screen.update(after=float(generator.random()) / 10)
    for _ in range(3):
        last = screen.update(after=0.3)
    assert last.exact
    assert screen.equal()


def test_it_is_known_when_only_what_is_small_is_dirty_beside_a_film(screen: Screen) -> None:
    builder, dirty = screen.builder, screen.frames.dirty
    assert not builder.mostly_film(dirty), "no film runs"
    film(screen, 8, FILM)
    screen.draw(FILM, photo(FILM.height, FILM.width, seed=99))
    assert builder.mostly_film(screen.frames.dirty)
    screen.draw(Rect(20, 500, 40, 20), text(20, 40, seed=8))
    assert builder.mostly_film(screen.frames.dirty)
    screen.draw(Rect(20, 500, 640, 80), text(80, 640, seed=8))
    assert not builder.mostly_film(screen.frames.dirty)


def test_after_a_rest_coarse_bands_begin_anew(screen: Screen) -> None:
    slow = replace(AMPLE, byte_rate=20_000.0, pressed=True, tile_bytes=4096)
    for seed in (1, 2):
        screen.draw(screen.frames.area, photo(600, 800, seed=seed))
        bands = [operation for operation in screen.update(slow, after=1.0).operations if isinstance(operation, Video)]
        assert bands[0].key, "a stream of its own"
        screen.builder.rest()
    assert screen.update(after=2.0).exact
