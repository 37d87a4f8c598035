"""From any moment the player shows, bit for bit, what the technician saw at it."""

from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from protocol.errors import TrustError
from protocol.messages.screen import ScreenLayout, ScreenUpdate, Video
from technician_client.recordings.container import ContainerReader, Kind
from technician_client.recordings.reader import Player, Recording
from technician_client.recordings.writer import SECOND, End, Meta, RecordingWriter
from tests.kit.recordings import Source

KEY = b"k" * 32
META = Meta("s-1", "dev1", "Reception PC", "Ana Ruiz", "Example Ltd", 1795262400.0)
LENGTH = 25


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, np.ndarray]]:
    """A recording, and what was on the screen at many of its moments."""
    path = tmp_path_factory.mktemp("recordings") / "one.hrrec"
    source, writer = Source(), RecordingWriter(path, KEY, b"s" * 32, META)
    seen: dict[int, np.ndarray] = {}
    for _, batch in groupby(source.busy(LENGTH), key=lambda item: item[0] // (SECOND // 2)):
        messages = []
        for time, message in batch:
            messages.append((time, message))
            seen[time] = source.viewer.pixels.copy()
        writer.write(messages)
    writer.close(End("technician"))
    return path, seen


def test_every_moment_is_exact_whatever_was_looked_at_before(filmed: tuple[Path, dict[int, np.ndarray]]) -> None:
    path, seen = filmed
    with Recording(path, KEY) as recording:
        assert recording.meta == META
        assert recording.end == End("technician")
        assert recording.seconds == pytest.approx(LENGTH - 0.05)
        player = Player(recording)
        order = np.random.default_rng(3).permutation(sorted(seen))[:120]
        for time in map(int, order):
            player.seek(time / SECOND)
            assert np.array_equal(player.picture.pixels, seen[time]), f"at {time}"
        assert player.skipped == 0


def test_going_on_shows_the_same_as_seeking_and_says_what_changed(filmed: tuple[Path, dict[int, np.ndarray]]) -> None:
    path, seen = filmed
    with Recording(path, KEY) as recording:
        player = Player(recording)
        player.seek(0)
        shown = player.picture.pixels.copy()
        for time in sorted(seen)[1::3]:
            changes = player.advance(time / SECOND)
            for x, y, width, height in changes.areas:
                shown[y : y + height, x : x + width] = player.picture.pixels[y : y + height, x : x + width]
            assert np.array_equal(shown, seen[time])
        assert player.next_time is None or player.next_time <= recording.seconds * SECOND


def test_there_are_points_to_seek_to_in_the_middle_of_a_film(filmed: tuple[Path, dict[int, np.ndarray]]) -> None:
    path, _ = filmed
    with ContainerReader(path, KEY) as reader:
        assert sum(entry.kind is Kind.KEY for entry in reader.entries) >= LENGTH // 12
    with Recording(path, KEY) as recording:
        bases = [recording.base_before(time * SECOND) for time in range(LENGTH)]
        points = [recording.key_point(base) for base in bases if base is not None and base.kind is Kind.KEY]
        assert any(point.before for point in points), "no key point stands inside a film"


def test_what_a_killed_process_leaves_behind_plays(filmed: tuple[Path, dict[int, np.ndarray]], tmp_path: Path) -> None:
    path, seen = filmed
    cut = tmp_path / "cut.hrrec"
    cut.write_bytes(path.read_bytes()[:-200])
    with Recording(cut, KEY) as recording:
        assert recording.end is None
        assert recording.seconds >= LENGTH - 1.1
        player = Player(recording)
        last = max(time for time in seen if time <= recording.seconds * SECOND)
        player.seek(recording.seconds)
        assert np.array_equal(player.picture.pixels, seen[last])


def test_a_device_that_sends_nonsense_spoils_only_its_own_picture(tmp_path: Path) -> None:
    source, writer = Source(), RecordingWriter(tmp_path / "one.hrrec", KEY, b"s" * 32, META)
    writer.write([(0, message) for message in source.layout()])
    before = source.viewer.pixels.copy()
    broken = source.picture_of_film()
    (film,) = broken.operations
    assert isinstance(film, Video)
    nonsense = Video(8, 8, 161, 120, 9, film.codec, True, film.data[:40])
    writer.write([(SECOND, ScreenUpdate(99, source.epoch, 1, [nonsense]))])
    assert writer.wants_anew
    writer.write([(2 * SECOND, message) for message in source.layout()])
    assert not writer.wants_anew
    writer.close(End("technician"))
    with Recording(tmp_path / "one.hrrec", KEY) as recording:
        player = Player(recording)
        player.seek(1.5)
        assert np.array_equal(player.picture.pixels, before)
        assert player.skipped == 1
        player.seek(2)
        assert np.array_equal(player.picture.pixels, source.viewer.pixels)


def test_before_the_first_picture_there_is_nothing(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "one.hrrec", KEY, b"s" * 32, META)
    source = Source()
    source.layout()
    writer.write([(1, source.tile())])  # changes a picture that nobody has
    writer.write([(5 * SECOND, ScreenLayout(2, 10, 10))])
    writer.close(End("technician"))
    with Recording(tmp_path / "one.hrrec", KEY) as recording:
        player = Player(recording)
        assert player.seek(1).areas == [(0, 0, 10, 10)]


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "one.hrrec", KEY, b"s" * 32, META)
    writer.close(End("technician"))
    with Recording(tmp_path / "one.hrrec", KEY) as recording:
        assert recording.seconds == 0
        assert Player(recording).next_time is None
    (tmp_path / "one.hrrec").write_bytes((tmp_path / "one.hrrec").read_bytes()[:60])
    with pytest.raises(TrustError, match="before anything"):
        Recording(tmp_path / "one.hrrec", KEY)
