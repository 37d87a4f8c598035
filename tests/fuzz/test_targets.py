"""The fuzzer's targets in the suite: each on its seeds, on seeds with changes, and on rubbish."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from technician_client.recordings.reader import Player, Recording
from tests.fuzz.feature_targets import KEY, seal
from tests.fuzz.targets import TARGETS, seeds

# The library warns of such a certificate; that it does not verify is ours to say, and we do.
pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")

SLOW = {"handshake": 40, "session": 60, "link": 100, "certificates": 100, "documents": 150}


def changed(name: str) -> st.SearchStrategy[bytes]:
    """A seed in which some bytes are replaced, cut out or doubled."""
    kept = seeds(name)

    def change(seed: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
        data = bytearray(seed)
        for at, length, new in changes:
            start = at % (len(data) + 1)
            data[start : start + length] = new
        return bytes(data)

    places = st.tuples(st.integers(0, 4096), st.integers(0, 8), st.binary(max_size=8))
    return st.builds(change, st.sampled_from(kept), st.lists(places, min_size=1, max_size=4))


@pytest.mark.parametrize("name", list(TARGETS))
def test_genuine_inputs_pass(name: str) -> None:
    for seed in seeds(name):
        TARGETS[name](seed)


def test_the_genuine_recording_is_one_that_plays(tmp_path: Path) -> None:
    """Else the fuzzer would begin with something that is turned away at the door."""
    (seed,) = seeds("recordings")
    with Recording(seal(tmp_path / "sealed", seed), KEY) as recording:
        player = Player(recording)
        player.seek(1e6)
        assert player.picture.pixels.shape[:2] == (8, 8)
        assert recording.end is not None and recording.end.reason == "over"


@pytest.mark.parametrize("name", list(TARGETS))
def test_only_documented_errors_and_bounded_memory(name: str) -> None:
    @settings(
        max_examples=SLOW.get(name, 300), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
    )
    @given(changed(name) | st.binary(max_size=2048))
    @example(b"")
    def run(data: bytes) -> None:
        TARGETS[name](data)

    run()
