"""A recording as a standard video file: H.264 in MP4 with a frame wherever something changed, and none where nothing did."""

import threading
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from hostio.private_files import PrivateFileError
from protocol.errors import HandrailError, Unavailable
from protocol.messages.screen import CursorMove, CursorShape
from technician_client.picture import Bytes2D
from technician_client.recordings.reader import Player, Recording
from technician_client.recordings.writer import SECOND

LEAST_FRAME: Final = 1 / 30
"""Changes closer together than this many seconds share a frame."""
CLOCK: Final = 90_000
CRF: Final = "20"
KEY_FRAMES: Final = 300


class ExportCancelled(HandrailError):
    """Somebody stopped an export; no file was left behind."""


def export(
    recording: Recording,
    target: Path,
    *,
    on_progress: Callable[[float], None] = lambda _: None,
    cancel: threading.Event | None = None,
) -> int:
    """Write `recording` to `target` (MP4, mode 0600) and return the number of frames. Blocks; `on_progress` hears 0 to 1.

    Raises:
        PrivateFileError: there is such a file, or it cannot be written. ExportCancelled: `cancel` was set.
        Unavailable: nothing was recorded, or this computer has no H.264 encoder. TrustError: the recording is damaged.
    """
    if target.exists():
        raise PrivateFileError(f"{target} is there already. Choose another name, or remove it.")
    partial = target.with_name(f".{target.name}.part")
    try:
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600)
        frames = _write(recording, partial, on_progress, cancel or threading.Event())
        partial.rename(target)
    except (OSError, av.FFmpegError) as error:
        raise PrivateFileError(f"The video cannot be written to {target}: {error}.") from error
    finally:
        partial.unlink(missing_ok=True)
    return frames


def _write(recording: Recording, path: Path, on_progress: Callable[[float], None], cancel: threading.Event) -> int:
    width, height = _size(recording)
    player = Player(recording)
    player.seek(0.0)  # the first picture, not the blank that its layout begins with
    begin = recording.first / SECOND
    frames = 0
    with av.open(str(path), "w", format="mp4") as container:
        try:
            stream = container.add_stream("libx264", options={"preset": "veryfast", "crf": CRF})
        except (av.FFmpegError, ValueError) as error:
            raise Unavailable("This computer's FFmpeg has no H.264 encoder (libx264), so nothing can be exported.") from error
        context = stream.codec_context
        assert isinstance(context, VideoCodecContext)
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = stream.time_base = Fraction(1, CLOCK)
        context.gop_size, context.max_b_frames = KEY_FRAMES, 0
        last, at = _encode(container, stream, _frame(player, width, height), 0), begin
        frames += 1
        while (following := player.next_time) is not None:
            if cancel.is_set():
                raise ExportCancelled("The export was stopped; no file was left behind.")
            at = max(at + LEAST_FRAME, following / SECOND)
            if not player.advance(at):
                continue
            last = _encode(container, stream, _frame(player, width, height), max(last + 1, round((at - begin) * CLOCK)))
            frames += 1
            on_progress(min(1.0, at / max(recording.seconds, 1e-6)))
        final = round((recording.seconds - begin) * CLOCK)
        if final > last:  # holds the last picture for as long as it stood
            _encode(container, stream, _frame(player, width, height), final)
            frames += 1
        container.mux(stream.encode(None))
    on_progress(1.0)
    return frames


def _encode(container: av.container.OutputContainer, stream: av.video.stream.VideoStream, frame: av.VideoFrame, time: int) -> int:
    frame.pts, frame.time_base = time, Fraction(1, CLOCK)
    container.mux(stream.encode(frame))
    return time


def _size(recording: Recording) -> tuple[int, int]:
    """The largest picture, with even sides.

    Raises:
        Unavailable: there is none.
    """
    width = height = 0
    for layout in recording.layouts():
        width, height = max(width, layout.width), max(height, layout.height)
    if not width or not height:
        raise Unavailable("Nothing of the screen was recorded, so there is nothing to export.")
    return width + width % 2, height + height % 2


def _frame(player: Player, width: int, height: int) -> av.VideoFrame:
    whole = np.zeros((height, width, 3), np.uint8)
    pixels = player.picture.pixels
    whole[: pixels.shape[0], : pixels.shape[1]] = pixels[..., :3]
    if player.shape is not None and player.move is not None:
        draw_pointer(whole, player.shape, player.move)
    return av.VideoFrame.from_ndarray(whole, format="bgr24")


def draw_pointer(pixels: Bytes2D, shape: CursorShape, move: CursorMove) -> None:
    """Draw the pointer into (height, width, 3) blue, green, red. One that does not decode is left out."""
    size = shape.width * shape.height * 4
    try:
        data = zlib.decompressobj().decompress(shape.data, size + 1) if size else b""
    except zlib.error:
        return
    if not size or len(data) != size:
        return
    picture = np.frombuffer(data, np.uint8).reshape(shape.height, shape.width, 4)
    left, top = move.x - shape.hot_x, move.y - shape.hot_y
    x, y = max(0, left), max(0, top)
    right, bottom = min(pixels.shape[1], left + shape.width), min(pixels.shape[0], top + shape.height)
    if x >= right or y >= bottom:
        return
    part = picture[y - top : bottom - top, x - left : right - left].astype(np.uint16)
    alpha, under = part[..., 3:], pixels[y:bottom, x:right].astype(np.uint16)
    pixels[y:bottom, x:right] = ((part[..., 2::-1] * alpha + under * (255 - alpha) + 127) // 255).astype(np.uint8)
