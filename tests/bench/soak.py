"""An hour of mixed work in one session: does anything grow?

    python -m tests.bench.soak [--minutes 60]

Typing, scrolling, dragging, a film, single blocks and rest take turns, and keys are pressed at the technician's side. After each
round of about a minute, always at rest, the resident memory of agent, relay, console,
Chromium's tab and the rest of Chromium is noted (JSON lines in
build/bench/soak-*). The verdict is the slope of a line through the last two thirds: what is taken once and kept is no leak.
Displays of its own and no lock, so that it may run beside other work.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.bench.echo import Presser
from tests.bench.handrail_peer import handrail
from tests.bench.harness import System, cache_directory, calibrate, glass_argv, prepare
from tests.kit.processes import descendants

ROOT = Path(__file__).resolve().parents[2]
DISPLAYS = (":64", ":65")
TURNS = ("typing", "scroll", "block", "drag", "video", "idle")
TURN_SECONDS = 7.0
KEY_SECONDS = 0.5
SHARE, LEAST_MB = 0.05, 8.0
"""What an hour may add and still count as flat: a share of the whole, and what an allocator needs for itself."""
PAGE_BYTES = 4096

Sample = dict[str, float]


def resident(pid: int) -> float:
    """Resident megabytes of one process, 0 when it is gone."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1e6
    return 0.0


def is_tab(pid: int) -> bool:
    """Whether a process of Chromium shows a page."""
    with contextlib.suppress(OSError):
        return b"--type=renderer" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def sample(system: System) -> Sample:
    """Resident megabytes by part."""
    agent, *attending = system.pids["server"]
    console, chromium = system.pids["viewer"]
    browser = descendants(chromium)
    tabs = [pid for pid in browser if is_tab(pid)]
    return {
        "agent": sum(map(resident, descendants(agent))),
        "attending": sum(resident(pid) for root in attending for pid in descendants(root)),
        "relay": sum(resident(pid) for root in system.pids["relay"] for pid in descendants(root)),
        "console": sum(map(resident, descendants(console))),
        "tab": max(map(resident, tabs), default=0.0),
        "chromium": sum(resident(pid) for pid in browser),
    }


def growth(minutes: Sequence[float], megabytes: Sequence[float]) -> float:
    """Megabytes an hour: the slope of a line through the last two thirds of the samples."""
    begin = len(minutes) // 3
    if len(minutes) - begin < 2:
        return 0.0
    return float(np.polyfit(minutes[begin:], megabytes[begin:], 1)[0]) * 60


def verdict(samples: Sequence[Sample]) -> dict[str, dict[str, float | bool]]:
    """For each part: first and last size, growth an hour, and whether that is flat."""
    minutes = [one["minute"] for one in samples]
    found: dict[str, dict[str, float | bool]] = {}
    for part in (name for name in samples[0] if name != "minute"):
        sizes = [one[part] for one in samples]
        slope = growth(minutes, sizes)
        found[part] = {
            "first_mb": round(sizes[0], 1),
            "last_mb": round(sizes[-1], 1),
            "mb_an_hour": round(slope, 2),
            "flat": slope <= LEAST_MB + SHARE * sizes[-1],
        }
    return found


@contextlib.contextmanager
def keys(system: System, offset: tuple[int, int]) -> Iterator[None]:
    """Somebody at the technician's side presses a key every now and then."""
    done = threading.Event()

    def run() -> None:
        presser = Presser(system.peer.viewer_name, offset)
        presser.focus()
        while not done.wait(KEY_SECONDS):
            presser.press()
        presser.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(5)


def turn(system: System, workload: str, offset: tuple[int, int], cache: Path, seconds: float) -> None:
    """One workload for `seconds`."""
    argv = glass_argv(system.peer, cache, workload, offset, secs=seconds, settle=1, out="/dev/null")
    subprocess.run(argv, input="go\n", capture_output=True, text=True, timeout=seconds + 60, check=True)


def soak(system: System, offset: tuple[int, int], cache: Path, minutes: float, out: Path) -> list[Sample]:
    """Work until the time is over; a sample after each round, written at once."""
    begun = time.monotonic()
    samples: list[Sample] = []
    while not samples or time.monotonic() - begun < minutes * 60:
        for workload in TURNS:
            turn(system, workload, offset, cache, TURN_SECONDS)
        samples.append({"minute": round((time.monotonic() - begun) / 60, 2), **sample(system)})
        with out.open("a") as file:
            file.write(json.dumps(samples[-1]) + "\n")
    return samples


def main() -> int:
    """Run, tell, and fail when something grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    options = parser.parse_args()
    cache = cache_directory()
    prepare(cache)
    out = ROOT / "build" / "bench"
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"soak-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.jsonl"
    system = System(handrail(cache, control=True, displays=DISPLAYS), out)
    try:
        system.start()
        offset = calibrate(system, cache)
        with keys(system, offset):
            samples = soak(system, offset, cache, options.minutes, path)
    finally:
        system.stop()
    found = verdict(samples)
    with path.open("a") as file:
        file.write(json.dumps({"minutes": options.minutes, "verdict": found}) + "\n")
    for part, values in found.items():
        words = "flat" if values["flat"] else "GROWS"
        print(f"{part:10} {values['first_mb']:8} -> {values['last_mb']:8} MB, {values['mb_an_hour']:+8} MB an hour: {words}")
    return 0 if all(values["flat"] for values in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
