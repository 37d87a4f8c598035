"""A video file that any player understands, with the pictures at their times."""

import threading
from itertools import groupby, pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from hostio.private_files import PrivateFileError
from protocol.errors import Unavailable
from protocol.messages.screen import CursorMove
from technician_client.recordings.export import ExportCancelled, draw_pointer, export
from technician_client.recordings.reader import Player, Recording
from technician_client.recordings.writer import SECOND, End, Meta, RecordingWriter
from tests.kit.console import arrow
from tests.kit.recordings import HEIGHT, WIDTH, Source

KEY = b"k" * 32
META = Meta("s-1", "dev1", "Reception PC", "Ana Ruiz", "Example Ltd", 1795262400.0)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of everything, four of nothing, and one last change."""
    path = tmp_path_factory.mktemp("recordings") / "one.hrrec"
    source, writer = Source(), RecordingWriter(path, KEY, b"s" * 32, META)
    for _, batch in groupby(source.busy(6), key=lambda item: item[0] // SECOND):
        writer.write(list(batch))
    writer.write([(10 * SECOND, source.tile())])
    writer.close(End("technician"))
    return path


def test_the_video_shows_what_was_recorded_when_it_was(recorded: Path, tmp_path: Path) -> None:
    target, told = tmp_path / "one.mp4", list[float]()
    with Recording(recorded, KEY) as recording:
        count = export(recording, target, on_progress=told.append)
        assert told == sorted(told)
        assert told[-1] == 1.0
        with av.open(str(target)) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.name, stream.width, stream.height) == ("h264", WIDTH, HEIGHT + 1)
            frames = [(frame.time, frame.to_ndarray(format="bgr24")) for frame in container.decode(stream)]
        assert len(frames) == count
        assert 60 < count < 6 * 30 + 5
        assert frames[-1][0] == pytest.approx(10, abs=0.05)
        gaps = [after[0] - before[0] for before, after in pairwise(frames)]
        assert max(gaps) > 3.5  # nothing stands where nothing changed
        player = Player(recording)
        for time, shown in frames[:: len(frames) // 6]:
            player.seek(time + 0.001)
            expected = player.picture.pixels[..., :3].astype(int)
            assert np.abs(shown[:HEIGHT].astype(int) - expected).mean() < 25  # H.264 of noise
    assert target.stat().st_mode & 0o077 == 0


def test_it_can_be_stopped_and_leaves_nothing_behind(recorded: Path, tmp_path: Path) -> None:
    cancel = threading.Event()
    with Recording(recorded, KEY) as recording, pytest.raises(ExportCancelled):
        export(recording, tmp_path / "one.mp4", on_progress=lambda part: cancel.set() if part > 0.1 else None, cancel=cancel)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported_says_why(recorded: Path, tmp_path: Path) -> None:
    (tmp_path / "there.mp4").write_text("mine")
    with Recording(recorded, KEY) as recording:
        with pytest.raises(PrivateFileError, match="there already"):
            export(recording, tmp_path / "there.mp4")
        with pytest.raises(PrivateFileError, match="cannot be written"):
            export(recording, tmp_path / "nowhere" / "one.mp4")
    writer = RecordingWriter(tmp_path / "empty.hrrec", KEY, b"s" * 32, META)
    writer.close(End("technician"))
    with Recording(tmp_path / "empty.hrrec", KEY) as recording, pytest.raises(Unavailable, match="Nothing of the screen"):
        export(recording, tmp_path / "empty.mp4")


@pytest.mark.parametrize("place", [(0, 0), (-5, 10), (318, 238), (400, 10)])
def test_the_pointer_is_drawn_where_it_was_and_cut_at_the_edge(place: tuple[int, int]) -> None:
    pixels = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    draw_pointer(pixels, arrow(), CursorMove(*place))
    rows, columns = np.nonzero((pixels != 90).any(axis=-1))
    if place[0] >= WIDTH:
        assert rows.size == 0
    else:
        assert (rows.min(), columns.min()) == ((15, 0) if place[0] < 0 else (place[1], place[0]))
