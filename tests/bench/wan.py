"""Source pixel to viewer pixel over slow links: Handrail beside TigerVNC over the same seeded link.

    python -m tests.bench.wan [--only handrail] [--links slow,middling] [--parts typing,scroll,echo,outage] [--seconds 10]

The link (tests/kit/shaped_link.py) lies between the agent and the relay, and between TigerVNC's server and its viewer. Parts:
typing and scroll as in the benchmark of screens; `echo` presses keys while a film of 854 x 480 fills the link; `outage` cuts the
link for 3 s while somebody types and tells when the picture was current again. JSON lines and a table go to build/bench/.
"""

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.echo import Echo, Presser, echoes
from tests.bench.handrail_peer import handrail
from tests.bench.harness import System, cache_directory, calibrate, measure, percentile, prepare, running
from tests.bench.peers import ROOMY, SOURCE, Peer, Start, vncviewer, xvfb
from tests.kit.shaped_link import MIDDLING, SLOW, Shape, ShapedLink

ROOT = Path(__file__).resolve().parents[2]
LINKS = {"slow": SLOW, "middling": MIDDLING}
WORDS = {"slow": "2 Mbit/s, 100 ms, 1 % loss", "middling": "10 Mbit/s, 40 ms"}
PARTS = ("typing", "scroll", "echo", "outage")
WARM = {"slow": 16.0, "middling": 6.0}
CUT_AFTER, CUT_SECONDS = 4.0, 3.0
CURRENT_MS = 250.0
"""A picture no older than this beyond what the part takes anyway is current."""


def goal(part: str, shape: Shape) -> float:
    """Milliseconds that the 95th percentile shall not exceed."""
    extra = {"typing": shape.delay + 0.1, "scroll": shape.delay + 0.3, "echo": shape.round_trip + 0.06, "outage": 2.0}
    return 1000 * extra[part]


def tigervnc(cache: Path, shape: Shape) -> tuple[Peer, ShapedLink]:
    """TigerVNC's server for displays that exist already, and its viewer, over a link of its own."""
    link = ShapedLink(shape, 5962).start()
    argv = ("X0tigervnc", "-display", SOURCE, "-rfbport", "5962", "-localhost", "-SecurityTypes", "None")
    server = Start((*argv, "-MaxProcessorUsage=100", "-PollingCycle=10"), wait_port=5962)
    viewer = vncviewer(link.port, cache)
    return Peer("x0vncserver", 5962, xvfb(SOURCE), ROOMY, server=(server,), viewer=viewer, ready=8.0), link


class Bench:
    """One peer over one link."""

    def __init__(self, peer: Peer, link_name: str, link: ShapedLink | None, seconds: float, out: Path, cache: Path) -> None:
        self._peer = dataclasses.replace(peer, name=f"{peer.name}-{link_name}")
        self._name, self._link, self._seconds, self._out, self._cache = link_name, link, seconds, out, cache
        self._shape = LINKS[link_name]

    def run(self, parts: list[str]) -> list[dict[str, Any]]:
        """Every wanted part; what fails is a row that says why."""
        rows: list[dict[str, Any]] = []
        for part in parts:
            base = {"peer": self._peer.name.rpartition("-")[0], "link": self._name, "part": part}
            try:
                with running(self._peer, self._out, self._cache) as system:
                    row = getattr(self, part)(system, calibrate(system, self._cache))
                rows.append(base | {"goal_ms": goal(part, self._shape)} | row)
            except (OSError, RuntimeError, AssertionError, ValueError, IndexError) as error:
                rows.append(base | {"error": f"{type(error).__name__}: {str(error)[-1500:]}"})
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
        return rows

    def _measure(self, system: System, offset: tuple[int, int], workload: str, during: Callable[[], None]) -> dict[str, Any]:
        seconds, warm = self._seconds, WARM[self._name]
        row = measure(system, workload, offset, seconds, self._out, self._cache, warm=warm, settle=5.0, during=during)
        kept = ("p50_ms", "p95_ms", "p99_ms", "fps", "drawn_fps", "bytes_per_s", "psnr_early", "psnr_settled", "exact_region")
        return {key: row[key] for key in kept}

    def typing(self, system: System, offset: tuple[int, int]) -> dict[str, Any]:
        """12.5 characters a second in an editor."""
        return self._measure(system, offset, "typing", lambda: None)

    def scroll(self, system: System, offset: tuple[int, int]) -> dict[str, Any]:
        """A page of text and pictures, 40 rows 30 times a second."""
        return self._measure(system, offset, "scroll", lambda: None)

    def echo(self, system: System, offset: tuple[int, int]) -> dict[str, Any]:
        """Keys beside a film."""
        found: list[float] = []

        def press() -> None:
            echo, presser = Echo(SOURCE), Presser(system.peer.viewer_name, offset)
            presser.focus()
            time.sleep(1.0)
            found.extend(echoes(presser, echo, self._seconds - 2.0))
            presser.close()
            echo.close()

        film = self._measure(system, offset, "video", press)
        times = np.array(found) * 1000
        return {
            **film,
            "film_p95_ms": film["p95_ms"],
            "p50_ms": percentile(times, 50),
            "p95_ms": percentile(times, 95),
            "p99_ms": percentile(times, 99),
            "keys": len(found),
        }

    def outage(self, system: System, offset: tuple[int, int]) -> dict[str, Any]:
        """When the picture was current again after 3 s without a link. `p95_ms` is that time."""
        link = self._link if system.assembly is None else system.assembly.link
        assert link is not None

        def cut() -> None:
            time.sleep(CUT_AFTER)
            link.cut(CUT_SECONDS)

        row = self._measure(system, offset, "typing", cut)
        drawn = json.loads((self._out / f"{self._peer.name}.typing.json").read_text())
        latency, seen = np.array(drawn["lat"]), np.array(drawn["seen_at"])
        over = CUT_AFTER + CUT_SECONDS
        usual = float(np.percentile(latency[(latency >= 0) & (seen < CUT_AFTER)], 95))
        current = seen[(seen > over - 0.05) & (latency >= 0) & (latency <= usual + CURRENT_MS)]
        back = float(current.min() - over) * 1000 if len(current) else float("inf")
        return row | {"p50_ms": None, "p95_ms": round(max(0.0, back), 1), "p99_ms": None}


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: each part of each link, the peers beside one another."""
    lines = [
        "| link | part | goal p95 ms | system | p50/p95 ms | fps | kB/s | dB early → settled |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in LINKS:
        for part in PARTS:
            for row in (row for row in rows if row["link"] == name and row["part"] == part and "error" not in row):
                times = f"{'-' if row['p50_ms'] is None else format(row['p50_ms'], '.0f')}/{row['p95_ms']:.0f}"
                met = "met" if row["p95_ms"] <= row["goal_ms"] else "missed"
                exact = " (exact)" if row["exact_region"] else ""
                lines.append(
                    f"| {WORDS[name]} | {part} | {row['goal_ms']:.0f} | {row['peer']} | {times} ({met}) "
                    f"| {row['fps']:.1f} of {row['drawn_fps']:.1f} | {row['bytes_per_s'] / 1e3:.0f} "
                    f"| {row['psnr_early']:.1f} → {row['psnr_settled']:.1f}{exact} |"
                )
    failed = [f"- {row['peer']} {row['link']} {row['part']}: {row['error']}" for row in rows if "error" in row]
    return "\n".join(lines + (["", "Failed:", *failed] if failed else [])) + "\n"


def main() -> int:
    """Run, print the table, keep both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="handrail,x0vncserver")
    parser.add_argument("--links", default=",".join(LINKS))
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    cache = cache_directory()
    prepare(cache)
    out = ROOT / "build" / "bench"
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for name in options.links.split(","):
        parts = options.parts.split(",")
        if "handrail" in options.only:
            rows += Bench(handrail(cache, LINKS[name], control=True), name, None, options.seconds, out, cache).run(parts)
        if "x0vncserver" in options.only:
            peer, link = tigervnc(cache, LINKS[name])
            try:
                rows += Bench(peer, name, link, options.seconds, out, cache).run(parts)
            finally:
                link.stop()
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    (out / f"wan-{stamp}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (out / f"wan-{stamp}.md").write_text(table(rows))
    print(table(rows))
    return 1 if any("error" in row for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
