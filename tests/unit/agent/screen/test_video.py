import math

import numpy as np
import pytest

from agent.backends.geometry import Rect
from agent.screen.video import LEAST_BITRATE, QUALITIES, VideoStream, choose_profile, codec_string, decodes_both
from technician_client.picture import VideoDecoder
from tests.unit.agent.screen.pictures import photo


def stream(area: Rect, *, full_chroma: bool = True, bitrate: int = 10**8) -> VideoStream:
    return VideoStream(7, area, full_chroma=full_chroma, quality=QUALITIES["auto"], bitrate=bitrate)


def quality(shown: np.ndarray, expected: np.ndarray) -> float:
    """PSNR in dB."""
    colours = expected.view(np.uint8).reshape(*expected.shape, 4)[..., :3].astype(float)
    return 10 * math.log10(255**2 / max(1e-9, float(np.mean((shown[..., :3] - colours) ** 2))))


@pytest.mark.parametrize(
    ("decoders", "quality", "chosen"),
    [
        (["avc1.F4001F", "avc1.42E01E"], "sharper", True),
        (["avc1.F4001F", "avc1.42E01E"], "auto", False),
        (["avc1.F4001F"], "auto", True),
        (["avc1.640028"], "sharper", False),
        (["avc1.42e01e"], "auto", False),
        (["vp09.00.10.08"], "auto", None),
        ([], "sharper", None),
    ],
)
def test_the_profile_follows_what_the_viewer_decodes_and_wants(decoders: list[str], quality: str, chosen: bool | None) -> None:
    assert choose_profile(decoders, quality) is chosen


def test_both_kinds_are_decoded_only_where_both_are_named() -> None:
    assert decodes_both(["avc1.F4001F", "avc1.42E01E"])
    assert not decodes_both(["avc1.F4001F", "vp09.01.10.08"])
    assert not decodes_both(["avc1.640028", "avc1.42E01E"])


@pytest.mark.parametrize(("full_chroma", "prefix"), [(True, "avc1.F4"), (False, "avc1.64")])
def test_pictures_come_without_delay_and_only_the_first_is_key(full_chroma: bool, prefix: str) -> None:
    encoder, decoder = stream(Rect(16, 32, 320, 240), full_chroma=full_chroma), VideoDecoder()
    for step in range(5):
        pixels = np.roll(photo(400, 400), step * 3, axis=1)
        video = encoder.encode(pixels)
        assert video.key == (step == 0)
        assert video.codec.startswith(prefix)
        assert (video.x, video.y, video.width, video.height, video.stream) == (16, 32, 320, 240, 7)
        assert quality(decoder.decode(video), np.ascontiguousarray(pixels[32:272, 16:336])) > 28


def test_a_key_picture_can_be_asked_for() -> None:
    encoder = stream(Rect(0, 0, 64, 64))
    pixels = photo(64, 64)
    assert [encoder.encode(pixels, key=key).key for key in (False, False, True, False)] == [True, False, True, False]


def test_odd_sizes_are_coded_even_and_shown_odd() -> None:
    pixels = np.zeros((80, 144), np.uint32)
    pixels[:75, :133] = photo(75, 133)
    video = stream(Rect(0, 0, 133, 75), full_chroma=False).encode(pixels)
    assert (video.width, video.height) == (133, 75)
    assert VideoDecoder().decode(video).shape == (75, 133, 4)


def test_the_lower_bitrate_holds_and_never_falls_to_nothing() -> None:
    assert stream(Rect(0, 0, 64, 64), bitrate=1_000_000).bitrate == 1_000_000
    assert stream(Rect(0, 0, 64, 64), bitrate=10**9).bitrate == QUALITIES["auto"].bitrate
    assert stream(Rect(0, 0, 64, 64), bitrate=1).bitrate == LEAST_BITRATE


def test_a_bounded_stream_keeps_its_bound_on_noise() -> None:
    encoder = stream(Rect(0, 0, 640, 352), bitrate=1_000_000)
    generator = np.random.default_rng(4)
    sizes = [len(encoder.encode(generator.integers(0, 2**24, (352, 640), np.uint32)).data) for _ in range(30)]
    assert sum(sizes[5:]) < 2.5 * 1_000_000 / 8


def test_a_running_stream_follows_a_slower_link_without_a_key_picture() -> None:
    encoder = stream(Rect(0, 0, 640, 352), full_chroma=False, bitrate=2_000_000)
    assert encoder.follows
    generator = np.random.default_rng(4)

    def sizes(pictures: int) -> list[int]:
        frames = (np.roll(photo(352, 640), int(generator.integers(0, 40)), axis=1) for _ in range(pictures))
        videos = [encoder.encode(frame) for frame in frames]
        assert not any(video.key for video in videos[1:])
        return [len(video.data) for video in videos]

    before = sizes(40)[10:]
    assert encoder.follow(500_000)
    after = sizes(40)[10:]
    assert sum(before) / len(before) < 1.3 * 2_000_000 / 8 / 30
    assert sum(after) / len(after) < 1.3 * 500_000 / 8 / 30
    assert max(before) < 4 * 2_000_000 / 8 / 30


def test_a_stream_that_cannot_follow_says_so() -> None:
    slow, fast = stream(Rect(0, 0, 64, 64), bitrate=1_000_000), stream(Rect(0, 0, 64, 64))
    assert not fast.follows
    assert fast.follow(10**9)
    assert not fast.follow(QUALITIES["auto"].bitrate // 3)
    assert slow.follow(1_900_000)
    assert slow.bitrate == 1_000_000
    assert not slow.follow(2_100_000)


def test_a_stream_without_parameters_has_no_name() -> None:
    assert codec_string(b"\0\0\0\1\x65abcdefghijk") == ""
    assert codec_string(b"") == ""
    assert codec_string(b"\0\0\0\1\x67\xf4\x00\x1fxxxxxxxxx") == "avc1.F4001F"
