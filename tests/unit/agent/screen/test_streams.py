"""Which encoder a film has, and when it gets another."""

import numpy as np

from agent.screen.chooser import LinkState
from agent.screen.film import FilmPlace
from agent.screen.frames import CellRect, Frames
from agent.screen.streams import FilmStreams
from agent.screen.video import QUALITIES
from protocol.messages.screen import VIDEO_STREAMS
from tests.unit.agent.screen.pictures import captions, photo

FAST = LinkState(1e8)
ONE, OTHER = CellRect(1, 1, 9, 12), CellRect(12, 15, 20, 26)
AMPLE = 10**8


def streams(*, either: bool = False) -> FilmStreams:
    frames = Frames(480, 352)
    frames.now[:] = photo(*frames.now.shape)
    return FilmStreams(frames, QUALITIES["auto"], 7, full_chroma=False, either_chroma=either, av1=False)


def test_each_film_has_a_stream_that_goes_on() -> None:
    made, one, other = streams(), FilmPlace(), FilmPlace()
    first = [made.encode(place, area, AMPLE, FAST, 0.0) for place, area in ((one, ONE), (other, OTHER))]
    second = [made.encode(place, area, AMPLE, FAST, 0.1) for place, area in ((one, ONE), (other, OTHER))]
    assert [(video.stream, video.key) for video in first] == [(7, True), (8, True)]
    assert [(video.stream, video.key) for video in second] == [(7, False), (8, False)]
    assert (made.next_number, len(made)) == (9, 2)
    made.keep([other])
    assert len(made) == 1
    assert not made.encode(other, OTHER, AMPLE, FAST, 0.2).key
    assert made.encode(one, ONE, AMPLE, FAST, 0.2).stream == 9


def test_another_area_or_a_decoder_that_is_gone_begins_anew() -> None:
    made, one = streams(), FilmPlace()
    made.encode(one, ONE, AMPLE, FAST, 0.0)
    assert made.encode(one, OTHER, AMPLE, FAST, 0.1).key
    for _ in range(VIDEO_STREAMS - 1):
        made.take_number()
    assert not made.encode(one, OTHER, AMPLE, FAST, 0.2).key
    made.take_number()
    assert made.encode(one, OTHER, AMPLE, FAST, 0.3).key


def test_each_film_has_the_colour_that_its_own_pixels_need() -> None:
    made, one, other = streams(either=True), FilmPlace(), FilmPlace()
    coloured = captions(352, 480)
    made._frames.now[OTHER.pixel_slices] = coloured[OTHER.pixel_slices]
    grey = made._frames.now[ONE.pixel_slices] & np.uint32(0xFF)
    made._frames.now[ONE.pixel_slices] = grey * np.uint32(0x010101) | np.uint32(0xFF000000)
    assert made.encode(one, ONE, AMPLE, FAST, 0.0).codec.startswith("avc1.64")
    assert made.encode(other, OTHER, AMPLE, FAST, 0.0).codec.startswith("avc1.F4")
