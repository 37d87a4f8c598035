from fractions import Fraction

import av
import numpy as np
import pytest
import zstandard

from protocol.errors import RemoteProtocolError
from protocol.messages.screen import VIDEO_STREAMS, Copy, ScreenLayout, ScreenUpdate, Tile, Video
from technician_client.picture import Picture, VideoDecoder, decode_tile


def compress(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=True).compress(data)


ROWS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


def picture(width: int = 8, height: int = 6) -> Picture:
    made = Picture()
    made.apply_layout(ScreenLayout(1, width, height))
    return made


def update(*operations: Copy | Tile | Video, epoch: int = 1, sequence: int = 1, exact: bool = False) -> ScreenUpdate:
    return ScreenUpdate(sequence, epoch, 123, list(operations), exact)


def test_every_tile_encoding_gives_the_same_pixels() -> None:
    blue, green, red = (ROWS[..., channel] for channel in range(3))
    planes = np.stack((green, blue - green, red - green)).transpose(0, 2, 1)
    padded = np.concatenate((ROWS, np.full((2, 3, 1), 99, np.uint8)), axis=2)
    tiles = [
        Tile(0, 0, 3, 2, "zstd-bgr", compress(ROWS.tobytes())),
        Tile(0, 0, 3, 2, "zstd-bgrx", compress(padded.tobytes())),
        Tile(0, 0, 3, 2, "zstd-planes", compress(planes.tobytes())),
    ]
    for tile in tiles:
        pixels = decode_tile(tile)
        assert np.array_equal(pixels[..., :3], ROWS)
        assert (pixels[..., 3] == 255).all()
    assert decode_tile(Tile(0, 0, 2, 1, "fill", b"\1\2\3")).tolist() == [[[1, 2, 3, 255], [1, 2, 3, 255]]]


@pytest.mark.parametrize(
    "tile",
    [
        Tile(0, 0, 3, 2, "zstd-bgr", compress(bytes(17))),
        Tile(0, 0, 3, 2, "zstd-bgr", compress(bytes(10**6))),
        Tile(0, 0, 3, 2, "zstd-bgr", b"not zstd"),
        Tile(0, 0, 3, 2, "zstd-bgr", compress(bytes(18))[:-4]),
        Tile(0, 0, 3, 2, "fill", b"\1\2"),
        Tile(0, 0, 3, 2, "gif", b""),
        Tile(0, 0, 0, 2, "fill", b"\1\2\3"),
    ],
)
def test_a_hostile_tile_is_a_protocol_error(tile: Tile) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_tile(tile)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = compress(bytes(200_000_000))
    with pytest.raises(RemoteProtocolError, match="as many pixels"):
        decode_tile(Tile(0, 0, 3, 2, "zstd-bgr", bomb))


def test_operations_are_applied_in_order() -> None:
    shown = picture()
    shown.apply_update(
        update(Tile(0, 0, 2, 2, "fill", b"\1\1\1"), Copy(4, 3, 2, 2, 0, 0), Tile(0, 0, 2, 2, "fill", b"\2\2\2"), exact=True)
    )
    assert shown.pixels[3:5, 4:6, 0].tolist() == [[1, 1], [1, 1]]
    assert shown.pixels[0, 0, 0] == 2
    assert shown.exact
    assert (shown.sequence, shown.captured_at) == (1, 123)


def test_a_copy_may_overlap_itself() -> None:
    shown = picture(4, 1)
    for x in range(4):
        shown.apply_update(update(Tile(x, 0, 1, 1, "fill", bytes((x, x, x)))))
    shown.apply_update(update(Copy(1, 0, 3, 1, 0, 0)))
    assert shown.pixels[0, :, 0].tolist() == [0, 0, 1, 2]


def test_an_older_layouts_update_is_dropped() -> None:
    shown = picture()
    assert not shown.apply_update(update(Tile(0, 0, 1, 1, "fill", b"\1\1\1"), epoch=0))
    assert not shown.pixels[..., :3].any()


def test_before_a_layout_nothing_can_be_shown() -> None:
    with pytest.raises(RemoteProtocolError, match="before any layout"):
        Picture().apply_update(update())


@pytest.mark.parametrize(
    "operation",
    [Tile(7, 0, 2, 1, "fill", b"\1\1\1"), Copy(0, 0, 2, 2, 7, 0), Copy(0, 5, 2, 2, 0, 0), Tile(0, 9, 1, 1, "fill", b"\1\1\1")],
)
def test_nothing_reaches_outside_the_picture(operation: Copy | Tile) -> None:
    with pytest.raises(RemoteProtocolError, match="outside"):
        picture().apply_update(update(operation))


@pytest.mark.parametrize(
    ("video", "text"),
    [
        (Video(0, 0, 4, 4, 1, "avc1.F4001F", False, b"\0\0\0\1\x41"), "did not begin"),
        (Video(0, 0, 4, 4, 1, "avc1.F4001F", True, b"\0\0\0\1\x65garbage"), "decode|shows nothing"),
        (Video(0, 0, 4, 4, 1, "av01.0.09M.08", True, b"\0\0garbage"), "decode|shows nothing"),
        (Video(0, 0, 4, 4, 1, "avc1.F4001F", True, b""), "decode|shows nothing"),
    ],
)
def test_hostile_video_is_a_protocol_error(video: Video, text: str) -> None:
    with pytest.raises(RemoteProtocolError, match=text):
        picture().apply_update(update(video))


@pytest.mark.parametrize("width", [2, 18, 33, 66, 74, 98])
def test_every_column_of_a_film_is_the_same_each_time(width: int) -> None:
    """Widths for which the last columns were whatever had been in memory."""
    height = 34
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width + width % 2, height, "yuv420p"
    encoder.time_base = Fraction(1, 30)
    encoder.options = {"tune": "zerolatency", "qp": "1"}
    colours = np.zeros((height, encoder.width, 3), np.uint8) + np.array((40, 90, 200), np.uint8)
    coded = [*encoder.encode(av.VideoFrame.from_ndarray(colours, format="rgb24")), *encoder.encode(None)]
    video = Video(0, 0, width, height, 1, "avc1.42e02a", True, b"".join(bytes(packet) for packet in coded))
    for fill in (0, 255, 7):
        held = [np.full(size, fill, np.uint8) for size in (8192, 16384, 65536, 262144)]
        del held  # what the next picture may be made in
        shown = VideoDecoder().decode(video)
        assert shown.shape == (height, width, 4)
        assert (shown[..., 3] == 255).all()
        assert np.abs(shown[..., 2::-1].astype(int) - (40, 90, 200)).max() < 8


def test_old_streams_are_let_go() -> None:
    shown = picture()
    for stream in range(20):
        with pytest.raises(RemoteProtocolError):
            shown.apply_update(update(Video(0, 0, 4, 4, stream, "avc1.F4001F", False, b"")))
    assert len(shown._decoders) == VIDEO_STREAMS


def test_rows_are_red_green_blue() -> None:
    shown = picture(2, 1)
    shown.apply_update(update(Tile(0, 0, 2, 1, "fill", b"\1\2\3")))
    assert list(shown.rows()) == [b"\3\2\1\3\2\1"]


def test_a_layout_beyond_the_limits_is_refused() -> None:
    from protocol.limits import Limits

    with pytest.raises(RemoteProtocolError, match="larger"):
        Picture(Limits(screen_width=100)).apply_layout(ScreenLayout(1, 101, 10))
    with pytest.raises(RemoteProtocolError, match="larger"):
        Picture(Limits(screen_pixels=1000)).apply_layout(ScreenLayout(1, 101, 10))
    Picture(Limits(screen_pixels=1010)).apply_layout(ScreenLayout(1, 101, 10))
