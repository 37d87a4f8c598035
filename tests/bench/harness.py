"""Starts one system, lets `glass` draw and watch one workload after another, and counts what it cost.

Latency is from the source's XFlush to the first sample of the viewer's display that shows the frame (or a newer one),
one clock, about
1 ms resolution; with two barcodes above and below the moving area, so that a torn picture does not count. CPU is user
plus system time of
the process trees; bytes are what TCP counted as sent on the viewer's port; PSNR is over the workload's region, 150 ms
after the last draw
and when everything has settled.
"""

import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench import assets
from tests.bench.peers import Assembly, Peer, Start
from tests.kit.processes import descendants

HERE = Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")
WIDTH, HEIGHT = 1920, 1080
# The part of the screen that a workload draws into: x, y, width, height.
REGIONS = {
    "block": (928, 508, 64, 64),
    "typing": (360, 140, 1200, 800),
    "scroll": (160, 90, 1600, 900),
    "drag": (190, 95, 1540, 861),
    "video": (533, 300, 854, 480),
    "idle": (0, 0, WIDTH, HEIGHT),
    "terminal": (360, 140, 1200, 800),
    "browser": (160, 90, 1600, 900),
    "conference": (520, 280, 867, 496),
    "ide": (360, 140, 1100, 800),
    "sheet": (160, 90, 1600, 880),
}
Usage = dict[int, float]


def cache_directory() -> Path:
    """Where assets and peers live between runs."""
    return Path(os.environ.get("HANDRAIL_BENCH_CACHE", Path.home() / ".cache" / "handrail-bench"))


def prepare(cache: Path) -> Path:
    """Build `glass` and the assets when they are missing; returns the assets' directory."""
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "home").mkdir(exist_ok=True)
    sources, program = [HERE / "glass.c", HERE / "scenes.c", HERE / "scenes.h"], cache / "glass"
    if not program.exists() or program.stat().st_mtime < max(source.stat().st_mtime for source in sources):
        written = [str(source) for source in sources if source.suffix == ".c"]
        made = program.with_name(f"glass.{os.getpid()}")  # another bench may be running it
        subprocess.run(["gcc", "-O2", "-o", str(made), *written, "-lX11", "-lXext", "-lpthread", "-lm"], check=True)
        made.replace(program)
    return assets.make(cache)


def cpu_of(pids: list[int]) -> Usage:
    """CPU seconds of every process in the trees below `pids`."""
    found: Usage = {}
    for root in pids:
        for pid in descendants(root):
            with contextlib.suppress(OSError):
                stat = Path(f"/proc/{pid}/stat").read_text()
                fields = stat[stat.rindex(")") + 2 :].split()
                found[pid] = (int(fields[11]) + int(fields[12])) / TICKS
    return found


def memory_of(pids: list[int]) -> float:
    """Resident megabytes of the trees below `pids`."""
    total = 0.0
    for root in pids:
        for pid in descendants(root):
            with contextlib.suppress(OSError):
                total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6
    return total


def sent_bytes(port: int) -> dict[str, int]:
    """Bytes sent by each established TCP connection whose local port is `port`."""
    if not port:
        return {}
    argv = ["ss", "-tinH", "state", "established", f"( sport = :{port} )"]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    found = {}
    for head, info in zip(lines[::2], lines[1::2], strict=False):
        match = re.search(r"bytes_sent:(\d+)", info)
        found[" ".join(head.split()[2:4])] = int(match.group(1)) if match else 0
    return found


def more(before: dict[str, int], after: dict[str, int]) -> int:
    """Bytes sent in between."""
    return sum(count - before.get(connection, 0) for connection, count in after.items())


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB; 99 when identical."""
    error = float(np.mean((one.astype(np.float32) - other.astype(np.float32)) ** 2))
    return 99.0 if error == 0 else float(10 * np.log10(255 * 255 / error))


def percentile(values: np.ndarray, q: float) -> float | None:
    """A percentile to two decimals, None of nothing."""
    return round(float(np.percentile(values, q)), 2) if len(values) else None


@dataclass
class System:
    """One running peer."""

    peer: Peer
    logs: Path
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    pids: dict[str, list[int]] = field(
        default_factory=lambda: {r: [] for r in ("source", "display", "relay", "server", "viewer")}
    )
    assembly: Assembly | None = None

    @property
    def port(self) -> int:
        """The TCP port whose sent bytes are counted."""
        return self.peer.port if self.assembly is None else self.assembly.port

    def start(self) -> None:
        """Displays, relay, server, viewer, in this order."""
        if self.peer.source:
            self._spawn("source", Start(self.peer.source))
            self._wait_for_display(self.peer.source_name)
        if self.peer.viewer_display:
            self._spawn("display", Start(self.peer.viewer_display))
            self._wait_for_display(self.peer.viewer_name)
        for role, starts in (("relay", self.peer.relay), ("server", self.peer.server), ("viewer", self.peer.viewer)):
            for start in starts:
                self._spawn(role, start)
                if start.wait_port:
                    self._wait_for_port(start.wait_port)
                time.sleep(start.settle)
        if self.peer.assemble is not None:
            self.assembly = self.peer.assemble()
            self.pids.update(self.assembly.pids)
        time.sleep(self.peer.ready)
        self._check_displays()
        if self.peer.started is not None:
            self.peer.started()

    def _check_displays(self) -> None:
        """An X server that finds its display taken ends at once, and everything would be measured on a stranger's."""
        displays = {*self.pids["source"], *self.pids["display"]}
        if any(child.pid in displays and child.poll() is not None for child in self.children):
            names = f"{self.peer.source_name} or {self.peer.viewer_name}"
            raise RuntimeError(f"{names} belongs to somebody else: end what an interrupted run has left over")

    def _spawn(self, role: str, start: Start) -> None:
        environment = {name: value for name, value in {**os.environ, **start.env}.items() if name != "XAUTHORITY"}
        with (self.logs / f"{self.peer.name}.{role}.log").open("ab") as log:
            child = subprocess.Popen(
                start.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        self.children.append(child)
        self.pids[role].append(child.pid)

    def _wait_for_display(self, name: str, seconds: float = 10) -> None:
        end = time.monotonic() + seconds
        while True:
            with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
                probe.connect(f"/tmp/.X11-unix/X{name[1:]}")
                return
            assert time.monotonic() < end, f"no X display {name}"
            time.sleep(0.05)

    def _wait_for_port(self, port: int, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            assert time.monotonic() < end, f"{self.peer.name}: port {port} never opened"
            time.sleep(0.1)

    def stop(self) -> None:
        """End what was started, with everything below it."""
        if self.assembly is not None:
            self.assembly.stop()
        everything = set().union(*(descendants(child.pid) for child in self.children)) if self.children else set()
        for child in reversed(self.children):
            child.terminate()
        for child in self.children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(3)
        for pid in everything:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for child in self.children:
            child.wait()


@contextlib.contextmanager
def running(peer: Peer, logs: Path, cache: Path) -> Iterator[System]:
    """A peer, alone on this machine: timed runs take turns."""
    with (cache / "bench.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        system = System(peer, logs)
        try:
            system.start()
            yield system
        finally:
            system.stop()


def glass_argv(peer: Peer, cache: Path, workload: str, offset: tuple[int, int] = (0, 0), **options: object) -> list[str]:
    """The command line of `glass`."""
    argv = [str(cache / "glass"), "--src", peer.source_name, "--dst", peer.viewer_name, "--off", f"{offset[0]},{offset[1]}"]
    argv += ["--assets", str(cache / "assets"), "--workload", workload, "--seed", "1"]
    return argv + [word for name, value in options.items() for word in (f"--{name}", str(value))]


def calibrate(system: System, cache: Path) -> tuple[int, int]:
    """Where the source's top left corner appears on the viewer's display."""
    if system.peer.viewer_name == system.peer.source_name:
        return 0, 0
    argv = glass_argv(system.peer, cache, "calibrate")
    lines = subprocess.run(argv, capture_output=True, text=True, timeout=40, check=False).stdout.split("\n")
    x, y, width, height, _ = map(int, [line for line in lines if line][-1].split()[1:])
    if abs(width - WIDTH) >= 6 or abs(height - HEIGHT) >= 6:
        raise RuntimeError(f"{system.peer.name} does not show the source unscaled: {width}x{height} at {x},{y}")
    if (width, height) == (WIDTH, HEIGHT):
        return x, y
    return (x if x > 3 else 0), (y if y > 3 else 0)


def measure(
    system: System,
    workload: str,
    offset: tuple[int, int],
    seconds: float,
    out: Path,
    cache: Path,
    *,
    warm: float = 2.0,
    settle: float = 2.0,
    during: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Run one workload; everything about it as one JSON object. `warm` seconds for the first picture before, `settle` after;
    `during` runs beside it."""
    base = out / f"{system.peer.name}.{workload}"
    argv = glass_argv(system.peer, cache, workload, offset, secs=seconds, settle=settle, out=f"{base}.json", dump=base)
    glass = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert glass.stdin is not None
    assert glass.stdout is not None
    assert glass.stdout.readline().strip() == "READY"
    time.sleep(warm)  # the first full picture goes through before the clock starts
    cpu_before, bytes_before, start = (
        {role: cpu_of(pids) for role, pids in system.pids.items()},
        sent_bytes(system.port),
        time.monotonic(),
    )
    glass.stdin.write("go\n")
    glass.stdin.flush()
    during()
    assert glass.stdout.readline().strip() == "DONE"
    cpu_after, bytes_after = {role: cpu_of(pids) for role, pids in system.pids.items()}, sent_bytes(system.port)
    wall = time.monotonic() - start
    assert glass.stdout.readline().strip() == "FIN"
    bytes_settled = sent_bytes(system.port)
    glass.wait()
    cpu = {role: sum(used - cpu_before[role].get(pid, 0) for pid, used in after.items()) for role, after in cpu_after.items()}
    drawn = json.loads(Path(f"{base}.json").read_text())
    latency, direct = np.array(drawn["lat"]), np.array(drawn["direct"])
    seen = latency[latency >= 0]
    return {
        "peer": system.peer.name,
        "workload": workload,
        "seconds": drawn["secs"],
        "drawn": drawn["drawn"],
        "seen": len(seen),
        "fps": round(float(direct.sum()) / drawn["secs"], 2),
        "drawn_fps": round(drawn["drawn"] / drawn["secs"], 2),
        "p50_ms": percentile(seen, 50),
        "p95_ms": percentile(seen, 95),
        "p99_ms": percentile(seen, 99),
        "bytes_per_s": round(more(bytes_before, bytes_after) / wall),
        "bytes_settling": more(bytes_after, bytes_settled),
        "cpu_percent": {role: round(100 * used / wall, 1) for role, used in cpu.items()},
        "resident_mb": {role: round(memory_of(pids)) for role, pids in system.pids.items()},
        **compare(base, workload),
        "sampler_max_gap_ms": drawn["max_gap_ms"],
        "torn_samples": drawn["torn_samples"],
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def in_motion(
    system: System, workload: str, offset: tuple[int, int], seconds: float, out: Path, cache: Path, pictures: int = 16
) -> dict[str, Any]:
    """The workload once more, with `pictures` of the viewer at random moments, each compared with the frame it says it shows.

    `identified` could say which (the others were torn: one bar of one frame, one of another), `exact` equal it bit for bit.
    """
    path = out / f"{system.peer.name}.{workload}.motion.json"
    region = ",".join(map(str, REGIONS[workload]))
    argv = glass_argv(system.peer, cache, workload, offset, secs=seconds, settle=1, out=path, motion=pictures, region=region)
    glass = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert glass.stdin is not None
    assert glass.stdout is not None
    assert glass.stdout.readline().strip() == "READY"
    time.sleep(2.0)
    glass.communicate("go\n", timeout=seconds + 60)
    return motion_of(json.loads(path.read_text())["motion"])


def motion_of(shots: list[dict[str, float]]) -> dict[str, Any]:
    """What the pictures in motion say."""
    known = [shot for shot in shots if shot["id"] >= 0]
    return {
        "motion_pictures": len(shots),
        "motion_identified": len(known),
        "motion_exact": sum(shot["different"] == 0 for shot in known),
        "motion_psnr": percentile(np.array([shot["psnr"] for shot in known]), 50),
        "motion_psnr_least": min((shot["psnr"] for shot in known), default=None),
        "motion_shots": shots,
    }


def compare(base: Path, workload: str) -> dict[str, Any]:
    """How near the viewer's picture is to the source's, early and settled."""
    pictures = {}
    for name in ("src", "dst", "early"):
        path = Path(f"{base}.{name}")
        pictures[name] = np.fromfile(path, np.uint8).reshape(HEIGHT, WIDTH, 4)[..., :3]
        path.unlink()
    x, y, width, height = REGIONS[workload]
    region = (slice(y, y + height), slice(x, x + width))
    return {
        "psnr_early": round(psnr(pictures["src"][region], pictures["early"][region]), 2),
        "psnr_settled": round(psnr(pictures["src"][region], pictures["dst"][region]), 2),
        "exact_region": bool(np.array_equal(pictures["src"][region], pictures["dst"][region])),
        "exact_screen": bool(np.array_equal(pictures["src"], pictures["dst"])),
    }
