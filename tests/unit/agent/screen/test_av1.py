"""What the encoder makes is decoded by the viewer's own decoder."""

import math

import numpy as np
import pytest

from agent.backends.geometry import Rect
from agent.screen.av1 import WINDOW, Av1Stream, available, decodes_av1
from protocol.errors import Unavailable
from technician_client.picture import VideoDecoder
from tests.unit.agent.screen.pictures import photo


def nearness(shown: np.ndarray, expected: np.ndarray) -> float:
    """PSNR in dB."""
    colours = np.ascontiguousarray(expected).view(np.uint8).reshape(*expected.shape, 4)[..., :3].astype(float)
    return 10 * math.log10(255**2 / float(np.mean((shown[..., :3] - colours) ** 2)))


def test_pictures_come_without_delay_and_only_the_first_is_key() -> None:
    assert available()
    encoder = Av1Stream(7, Rect(17, 33, 321, 243), bitrate=10**8)
    decoder = VideoDecoder("av01.0.09M.08")
    for step in range(6):
        pixels = np.roll(photo(400, 400), step * 3, axis=1)
        video = encoder.encode(pixels)
        assert video.key == (step == 0)
        assert (video.x, video.y, video.width, video.height, video.stream) == (17, 33, 321, 243, 7)
        assert nearness(decoder.decode(video), pixels[33:276, 17:338]) > 26


@pytest.mark.parametrize(
    ("side", "codec"), [((640, 480), "09"), ((1920, 1080), "09"), ((2560, 1440), "13"), ((4096, 2304), "17")]
)
def test_the_level_follows_the_size(side: tuple[int, int], codec: str) -> None:
    assert (
        Av1Stream(1, Rect(0, 0, *side), bitrate=10**8).encode(np.zeros((side[1], side[0]), np.uint32)).codec
        == f"av01.0.{codec}M.08"
    )


def test_it_says_when_the_film_has_too_much_in_it_and_does_not_follow_a_slow_link() -> None:
    generator = np.random.default_rng(4)
    noise = [generator.integers(0, 2**24, (128, 192), np.uint32) for _ in range(WINDOW + 1)]
    encoder = Av1Stream(1, Rect(0, 0, 192, 128), bitrate=500_000)
    assert encoder.follow(500_000)
    assert not encoder.follow(499_999)
    for pixels in noise[:-1]:
        assert encoder.follow(10**9)
        encoder.encode(pixels)
    encoder.encode(noise[-1])
    assert encoder.rich
    assert not encoder.follow(10**9)
    still = Av1Stream(1, Rect(0, 0, 192, 128), bitrate=500_000)
    for _ in range(WINDOW + 5):
        still.encode(noise[0])
    assert not still.rich


def test_an_encoder_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.screen.av1.ENCODER", "no such encoder")
    assert not available()
    with pytest.raises(Unavailable, match="AV1"):
        Av1Stream(1, Rect(0, 0, 64, 64), bitrate=10**6)


@pytest.mark.parametrize(
    ("decoders", "found"),
    [
        (["avc1.42E01E", "av01.0.09M.08"], True),
        (["av01.1.09M.08"], False),
        (["av01.0.09M.10"], False),
        (["vp09.00.10.08"], False),
        ([], False),
    ],
)
def test_it_is_for_viewers_who_decode_the_main_profile_at_8_bits(decoders: list[str], found: bool) -> None:
    assert decodes_av1(decoders) is found
