import numpy as np
import pytest

from agent.backends.geometry import Rect
from agent.screen.sketch import COARSE, FINE, ROWS, Sketcher, bands
from protocol.messages.screen import ScreenLayout, ScreenUpdate
from technician_client.picture import Picture
from tests.unit.agent.screen.pictures import text
from tests.unit.agent.screen.test_video import quality


def test_bands_cover_the_area_once() -> None:
    area = Rect(7, 11, 50, 2 * ROWS + 3)
    found = bands(area)
    assert [band.height for band in found] == [ROWS, ROWS, 3]
    assert sum(band.area for band in found) == area.area
    assert all(area.contains(band) for band in found)


@pytest.mark.parametrize("full_chroma", [True, False])
def test_bands_of_any_size_go_through_one_stream(full_chroma: bool) -> None:
    picture, page = Picture(), text(500, 641)
    picture.apply_layout(ScreenLayout(1, 641, 500))
    sketcher = Sketcher(3, 641, FINE, full_chroma=full_chroma)
    areas = [Rect(0, 0, 641, ROWS), Rect(100, 200, 333, 77), Rect(5, 340, 16, 16), Rect(1, 360, 640, 140)]
    videos = [sketcher.encode(page, area) for area in areas]
    assert [video.key for video in videos] == [True, False, False, False]
    assert {video.stream for video in videos} == {3}
    picture.apply_update(ScreenUpdate(1, 1, 0, list(videos)))
    for area in areas:
        shown = picture.pixels[area.y : area.bottom, area.x : area.right]
        assert quality(shown, np.ascontiguousarray(page[area.y : area.bottom, area.x : area.right])) > 18
    assert not picture.pixels[165:195, ..., :3].any()


def test_coarse_is_much_cheaper_than_fine() -> None:
    page = text(160, 640)
    fine, coarse = (Sketcher(3, 640, quality, full_chroma=False).encode(page, Rect(0, 0, 640, 160)) for quality in (FINE, COARSE))
    assert len(coarse.data) * 2 < len(fine.data)
