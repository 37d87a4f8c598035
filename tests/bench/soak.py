"""An hour of mixed work in one session: does anything grow?

    python -m tests.bench.soak [--minutes 60]

Typing, scrolling, dragging, a film, single blocks and rest take turns, and keys are pressed at the technician's side. After each
round of about a minute, always at rest, the resident memory of agent, relay, console, Chromium's tab and the rest of Chromium is
noted, and what the page's own objects take after a collection of garbage (JSON lines in build/bench/soak-*). Displays of its own
and no lock, so that it may run beside other work.

The verdict is about the slope of the last two thirds (what is taken once and kept is no leak) and about how well that slope is
known: memory goes up and down for minutes, and a swing that a run happens to end in is no growth, nor is its absence flatness.
The slope is that of Theil and Sen (the median of the slopes between all pairs), its interval of 90 % from resampling what the
line leaves over in blocks of minutes (Kuensch, 1989). A part is flat when the whole interval is allowed, it grows when none of it
is, and else the run was too short to tell. Only "flat" passes.
"""

import argparse
import contextlib
import json
import math
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from websockets.sync.client import connect

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
RESAMPLES, INTERVAL = 400, (5, 95)
LEAST_SAMPLES = 6
"""Fewer than this in the last two thirds tell nothing."""
BLOCKS = 8
"""Into so many pieces the last two thirds are cut for resampling: a swing within one is seen as one, and not as many samples."""

Sample = dict[str, float]


class Verdict(StrEnum):
    """What a run says about one part."""

    FLAT = "flat"
    GROWS = "grows"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Growth:
    """Megabytes an hour, and between what they lie with 90 % confidence."""

    slope: float
    low: float
    high: float

    def verdict(self, allowed: float) -> Verdict:
        """Whether that is more than `allowed` megabytes an hour."""
        if self.high <= allowed:
            return Verdict.FLAT
        return Verdict.GROWS if self.low > allowed else Verdict.UNDECIDED


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


def page_heap(debug_port: int) -> float:
    """Megabytes that the page's objects take after a collection of garbage (Chrome's DevTools protocol)."""
    with urllib.request.urlopen(f"http://127.0.0.1:{debug_port}/json/list", timeout=10) as answer:
        pages = [target for target in json.load(answer) if target["type"] == "page"]
    with connect(pages[0]["webSocketDebuggerUrl"]) as devtools:

        def ask(number: int, method: str) -> dict[str, Any]:
            devtools.send(json.dumps({"id": number, "method": method}))
            while (said := json.loads(devtools.recv(timeout=30))).get("id") != number:
                pass
            return dict(said["result"])

        ask(1, "HeapProfiler.collectGarbage")
        return float(ask(2, "Runtime.getHeapUsage")["usedSize"]) / 1e6


def sample(system: System) -> Sample:
    """Megabytes by part: resident ones, and those of the page's objects."""
    assert system.assembly is not None
    heap = page_heap(system.assembly.debug_port)
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
        "page": heap,
    }


def slopes(hours: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The slope of Theil and Sen of each row of `sizes` (rows, samples) over `hours` (samples)."""
    one, other = np.triu_indices(len(hours), 1)
    between: NDArray[np.float64] = np.median((sizes[:, other] - sizes[:, one]) / (hours[other] - hours[one]), axis=1)
    return between


def growth(minutes: Sequence[float], megabytes: Sequence[float]) -> Growth:
    """How the last two thirds of the samples grow. Of too few nothing is known."""
    begin = len(minutes) // 3
    hours, sizes = np.array(minutes[begin:]) / 60, np.array(megabytes[begin:])
    count = len(hours)
    if count < LEAST_SAMPLES:
        return Growth(0.0, -math.inf, math.inf)
    slope = float(slopes(hours, sizes[None])[0])
    line = slope * hours
    left = sizes - line
    block = max(2, count // BLOCKS)
    starts = np.random.default_rng(1).integers(0, count, (RESAMPLES, -(-count // block)))
    places = (starts[:, :, None] + np.arange(block)) % count
    resampled = slopes(hours, line + left[places.reshape(RESAMPLES, -1)[:, :count]])
    low, high = np.percentile(resampled, INTERVAL)
    return Growth(slope, float(low), float(high))


def verdict(samples: Sequence[Sample]) -> dict[str, dict[str, float | str]]:
    """For each part: first and last size, growth an hour with its interval, and whether that is flat."""
    minutes = [one["minute"] for one in samples]
    found: dict[str, dict[str, float | str]] = {}
    for part in (name for name in samples[0] if name != "minute"):
        sizes = [one[part] for one in samples]
        grown = growth(minutes, sizes)
        found[part] = {
            "first_mb": round(sizes[0], 1),
            "last_mb": round(sizes[-1], 1),
            "mb_an_hour": round(grown.slope, 1),
            "low": round(grown.low, 1),
            "high": round(grown.high, 1),
            "verdict": grown.verdict(LEAST_MB + SHARE * float(np.median(sizes))).value,
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
        interval = f"{values['mb_an_hour']:+8} MB an hour ({values['low']:+} to {values['high']:+})"
        print(f"{part:10} {values['first_mb']:8} -> {values['last_mb']:8} MB, {interval}: {values['verdict']}")
    return 0 if all(values["verdict"] == Verdict.FLAT for values in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
