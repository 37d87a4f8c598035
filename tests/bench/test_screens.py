"""What the benchmark computes: ratios, percentiles, likeness, bytes, and the table made of them."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.bench.harness import REGIONS, System, cpu_of, glass_argv, memory_of, more, motion_of, percentile, psnr
from tests.bench.peers import OWN_WORKLOADS, WORKLOADS, Assembly, Peer, peers
from tests.bench.screens import GROUPS, ratio, table


def row(peer: str, workload: str, p50: float | None, p95: float | None, **more_fields: Any) -> dict[str, Any]:
    """What `measure` returns, as far as the table reads it."""
    cpu = {"source": 1.0, "display": 0.5, "relay": 0.25, "server": 2.0, "viewer": 4.0}
    values = {"fps": 30.0, "drawn_fps": 30.0, "bytes_per_s": 12_345, "psnr_early": 60.44, "psnr_settled": 99.0}
    return {
        "peer": peer,
        "workload": workload,
        "p50_ms": p50,
        "p95_ms": p95,
        "cpu_percent": cpu,
        "exact_region": True,
        **values,
        **more_fields,
    }


@pytest.mark.parametrize(
    ("ours", "theirs", "text"), [(5.0, 10.0, "0.50"), (10.0, 10.0, "1.00"), (None, 10.0, "-"), (5.0, None, "-"), (5.0, 0.0, "-")]
)
def test_a_ratio_is_said_where_there_is_one(ours: float | None, theirs: float | None, text: str) -> None:
    assert ratio(ours, theirs) == text


def test_percentiles_have_two_decimals_and_nothing_has_none() -> None:
    values = np.arange(1, 101, dtype=float) / 3
    assert percentile(values, 50) == 16.83
    assert percentile(values, 100) == 33.33
    assert percentile(np.array([]), 50) is None


def test_likeness_is_99_only_when_identical() -> None:
    picture = np.full((4, 4, 3), 100, np.uint8)
    assert psnr(picture, picture) == 99.0
    assert psnr(picture, picture + 1) == pytest.approx(48.13, abs=0.01)
    assert psnr(np.zeros_like(picture), np.full_like(picture, 255)) == pytest.approx(0.0)


def test_bytes_are_counted_for_each_connection_and_new_ones_from_nothing() -> None:
    assert more({"a": 100, "b": 5}, {"a": 150, "c": 7}) == 57
    assert more({}, {}) == 0


def test_the_table_stands_each_workload_beside_its_reference() -> None:
    rows = [row("handrail", "scroll", 12.0, 18.0), row("x0vncserver", "scroll", 24.0, 24.0, exact_region=False)]
    lines = table(rows).splitlines()
    assert lines[2] == "| scroll | handrail | 12.0/18.0 | 0.50/0.75 | 30.0 of 30.0 | 12.3 | 3.2 | 4.5 | - | 60.4 → 99.0 (exact) |"
    assert lines[3].startswith("| scroll | x0vncserver | 24.0/24.0 | 1.00/1.00 |")
    assert "(exact)" not in lines[3]


def test_the_table_says_what_failed_and_leaves_out_ratios_without_a_reference() -> None:
    failed = {"peer": "selkies-jpeg", "workload": "scroll,drag", "error": "FileNotFoundError: selkies"}
    text = table([row("handrail", "idle", None, None), failed])
    assert "| idle | handrail | - | -/- |" in text
    assert "- selkies-jpeg scroll,drag: FileNotFoundError: selkies" in text


def test_pictures_in_motion_are_counted_by_what_they_say() -> None:
    shots = [
        {"at": 0.5, "id": 3, "different": 0, "psnr": 99.0},
        {"at": 0.9, "id": -1, "different": -1, "psnr": 0.0},
        {"at": 1.5, "id": 9, "different": 12, "psnr": 40.0},
    ]
    found = motion_of(shots)
    assert (found["motion_pictures"], found["motion_identified"], found["motion_exact"]) == (3, 2, 1)
    assert (found["motion_psnr"], found["motion_psnr_least"]) == (69.5, 40.0)
    assert "| 1 of 2 (70 dB) |" in table([row("handrail", "scroll", 12.0, 18.0, **found)])
    none = motion_of(shots[1:2])
    assert (none["motion_exact"], none["motion_psnr"], none["motion_psnr_least"]) == (0, None, None)


def test_what_is_drawn_and_watched_is_on_the_command_line(tmp_path: Path) -> None:
    peer = Peer("made", 0, (), (), source_name=":7", viewer_name=":8")
    argv = glass_argv(peer, tmp_path, "scroll", (3, 4), secs=5.0, motion=16)
    assert argv[0] == str(tmp_path / "glass")
    words = f"--src :7 --dst :8 --off 3,4 --assets {tmp_path}/assets --workload scroll --seed 1 --secs 5.0 --motion 16"
    assert argv[1:] == words.split()


def test_every_workload_is_in_one_group() -> None:
    assert sorted(name for group in GROUPS for name in group) == sorted((*WORKLOADS, *OWN_WORKLOADS))
    assert set(REGIONS) == {*WORKLOADS, *OWN_WORKLOADS}


def test_what_runs_is_counted_with_everything_below_it() -> None:
    assert cpu_of([os.getpid()])[os.getpid()] > 0
    assert memory_of([os.getpid()]) > 1


def test_peers_are_known_by_their_names(tmp_path: Path) -> None:
    known = peers(tmp_path)
    assert {"floor", "x0vncserver", "x11vnc"} <= set(known)
    assert all(name == peer.name for name, peer in known.items())


def test_a_peer_says_what_it_lacks() -> None:
    assert Peer("here", 0, (), (), needs=("sh",)).lacks == ""
    assert Peer("away", 0, (), (), needs=("sh", "no-such-server", "no-such-viewer")).lacks == "no-such-server, no-such-viewer"


def test_a_peer_made_by_code_brings_its_port_and_its_processes_and_is_stopped(tmp_path: Path) -> None:
    stopped: list[bool] = []
    assembly = Assembly(4711, {"relay": [1], "server": [2], "viewer": [3]}, lambda: stopped.append(True))
    system = System(Peer("made", 0, (), (), ready=0.0, assemble=lambda: assembly), tmp_path)
    assert system.port == 0
    system.start()
    assert system.port == 4711
    assert system.pids == {"source": [], "display": [], "relay": [1], "server": [2], "viewer": [3]}
    system.stop()
    assert stopped == [True]
