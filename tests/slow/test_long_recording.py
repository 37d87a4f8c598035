"""An hour of a session plays from any point, in less than a second, with the picture that was there."""

import time
from pathlib import Path

import numpy as np
import pytest

from technician_client.recordings.reader import Player, Recording
from technician_client.recordings.writer import SECOND, End, Meta, RecordingWriter
from tests.kit.recordings import Source

pytestmark = pytest.mark.slow

KEY = b"k" * 32
HOUR = 3600
RATE = 5  # changes in a second; where a film runs, each needs those before it back to the last key point
SEEK_SECONDS = 1.0


def test_an_hour_plays_from_any_point(tmp_path: Path) -> None:
    source = Source(1280, 720)
    meta = Meta("s-1", "dev1", "Reception PC", "Ana Ruiz", "Example Ltd", 1795262400.0)
    writer = RecordingWriter(tmp_path / "hour.hrrec", KEY, b"s" * 32, meta)
    looked_at = {int(time) * SECOND for time in np.random.default_rng(11).integers(1, HOUR, 40)}
    seen: dict[int, np.ndarray] = {}
    batch = []
    for time_, message in source.busy(HOUR, rate=RATE):
        batch.append((time_, message))
        if time_ in looked_at:
            seen[time_] = source.viewer.pixels.copy()
        if len(batch) >= 20:
            writer.write(batch)
            batch = source.layout_if(writer.wants_anew, time_)
    writer.write(batch)
    writer.close(End("technician"))
    with Recording(tmp_path / "hour.hrrec", KEY) as recording:
        assert recording.seconds == pytest.approx(HOUR, abs=1)
        player = Player(recording)
        taken = []
        for moment, picture in seen.items():
            began = time.perf_counter()
            player.seek(moment / SECOND)
            taken.append(time.perf_counter() - began)
            assert np.array_equal(player.picture.pixels, picture), f"at {moment / SECOND} s"
        assert len(taken) >= 35
        assert max(taken) < SEEK_SECONDS, f"the slowest of {len(taken)} took {max(taken):.2f} s"
        assert player.skipped == 0
