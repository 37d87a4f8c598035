"""Source pixel to viewer pixel over slow links: Handrail beside TigerVNC over the same seeded link.

    python -m tests.bench.wan [--only handrail] [--links slow,middling] [--parts typing,scroll,echo,outage] [--seconds 10]

The link (tests/kit/shaped_link.py) lies between the agent and the relay, and between TigerVNC's server and its viewer. Parts:
typing and scroll as in the benchmark of screens; `echo` presses keys for `--keys` seconds (45) while a film of 854 x 480 fills
the link, and before it for a third of that time beside nothing; `outage` cuts the link for 3 s while somebody types and tells
when the picture was current again. JSON lines and a table go to build/bench/.

Of each key it is known how long the link itself held it, or its picture, for lost packets. So an echo has two lower limits in the
same run: keys beside nothing (what no sender can be quicker than), and the percentile of what is left without those stalls.
"""

import argparse
import dataclasses
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.echo import Echo, Presser, Stroke, echoes, stalled
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

    def __init__(
        self, peer: Peer, link_name: str, link: ShapedLink | None, seconds: float, keys: float, out: Path, cache: Path
    ) -> None:
        self._peer = dataclasses.replace(peer, name=f"{peer.name}-{link_name}")
        self._name, self._link, self._seconds, self._keys, self._out, self._cache = link_name, link, seconds, keys, out, cache
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

    def _measure(
        self, system: System, offset: tuple[int, int], workload: str, during: Callable[[], None], seconds: float = 0.0
    ) -> dict[str, Any]:
        seconds, warm = seconds or self._seconds, WARM[self._name]
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
        """Keys beside nothing, then beside a film."""
        found: list[Stroke] = []

        def press(seconds: float) -> list[Stroke]:
            echo, presser = Echo(SOURCE), Presser(system.peer.viewer_name, offset)
            presser.focus()
            time.sleep(1.0)
            strokes = list(echoes(presser, echo, seconds))
            presser.close()
            echo.close()
            return strokes

        time.sleep(WARM[self._name])  # the first full picture goes through before the first key
        alone = press(self._keys / 3)
        film = self._measure(system, offset, "video", lambda: found.extend(press(self._keys)), self._keys + 2.0)
        link = self._link_of(system)
        return {
            **film,
            "film_p95_ms": film["p95_ms"],
            **strokes_row(found, link),
            **{f"alone_{name}": value for name, value in strokes_row(alone, link).items()},
        }

    def _link_of(self, system: System) -> ShapedLink:
        link = self._link if system.assembly is None else system.assembly.link
        assert link is not None
        return link

    def outage(self, system: System, offset: tuple[int, int]) -> dict[str, Any]:
        """When the picture was current again after 3 s without a link. `p95_ms` is that time."""

        def cut() -> None:
            time.sleep(CUT_AFTER)
            self._link_of(system).cut(CUT_SECONDS)

        row = self._measure(system, offset, "typing", cut)
        drawn = json.loads((self._out / f"{self._peer.name}.typing.json").read_text())
        latency, seen = np.array(drawn["lat"]), np.array(drawn["seen_at"])
        over = CUT_AFTER + CUT_SECONDS
        usual = float(np.percentile(latency[(latency >= 0) & (seen < CUT_AFTER)], 95))
        current = seen[(seen > over - 0.05) & (latency >= 0) & (latency <= usual + CURRENT_MS)]
        back = float(current.min() - over) * 1000 if len(current) else float("inf")
        return row | {"p50_ms": None, "p95_ms": round(max(0.0, back), 1), "p99_ms": None}


def strokes_row(strokes: list[Stroke], link: ShapedLink) -> dict[str, Any]:
    """Percentiles in milliseconds of all of it, of the key's way to the source, of the picture's way back, and of all of it less
    what the link held for lost packets; `stalled` is the share of the keys that met such a loss. A key that never showed counts
    as 3 s.

    Raises:
        ValueError: none of them showed.
    """
    back, there = (list(link.passages[name]) for name in ("back", "there"))
    seconds = np.array([min(stroke.seconds, 3.0) for stroke in strokes])
    held = np.array([min(stalled(stroke, back, there), whole) for stroke, whole in zip(strokes, seconds, strict=True)])
    seen = [stroke for stroke in strokes if stroke.seconds < math.inf and stroke.drawn < math.inf]
    if not seen:
        raise ValueError(f"none of {len(strokes)} keys showed within 3 s: does something else use these displays?")
    parts = {
        "": seconds,
        "unstalled_": seconds - held,
        "key_": np.array([stroke.drawn - stroke.pressed for stroke in seen]),
        "picture_": np.array([stroke.seen - stroke.drawn for stroke in seen]),
    }
    row: dict[str, Any] = {f"{name}p{q}_ms": percentile(values * 1000, q) for name, values in parts.items() for q in (50, 95, 99)}
    return row | {"keys": len(strokes), "stalled": round(float((held > 0).mean()), 3)}


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
    limits = [
        f"- echo, {WORDS[row['link']]}, {row['peer']}, {row['keys']} keys: p95 {row['p95_ms']:.0f} ms, without the waiting for "
        f"lost packets (of {row['stalled']:.0%} of the keys) {row['unstalled_p95_ms']:.0f}; p50/p95 beside nothing "
        f"{row['alone_p50_ms']:.0f}/{row['alone_p95_ms']:.0f}; to the source {row['key_p50_ms']:.0f}/{row['key_p95_ms']:.0f}, "
        f"back {row['picture_p50_ms']:.0f}/{row['picture_p95_ms']:.0f}"
        for row in rows
        if row["part"] == "echo" and "error" not in row
    ]
    lines += ["", *limits] if limits else []
    failed = [f"- {row['peer']} {row['link']} {row['part']}: {row['error']}" for row in rows if "error" in row]
    return "\n".join(lines + (["", "Failed:", *failed] if failed else [])) + "\n"


def main() -> int:
    """Run, print the table, keep both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="handrail,x0vncserver")
    parser.add_argument("--links", default=",".join(LINKS))
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--keys", type=float, default=45)
    options = parser.parse_args()
    cache = cache_directory()
    prepare(cache)
    out = ROOT / "build" / "bench"
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    parts, lasting = options.parts.split(","), (options.seconds, options.keys)
    for name in options.links.split(","):
        if "handrail" in options.only:
            rows += Bench(handrail(cache, LINKS[name], control=True), name, None, *lasting, out, cache).run(parts)
        if "x0vncserver" in options.only:
            peer, link = tigervnc(cache, LINKS[name])
            try:
                rows += Bench(peer, name, link, *lasting, out, cache).run(parts)
            finally:
                link.stop()
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    (out / f"wan-{stamp}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (out / f"wan-{stamp}.md").write_text(table(rows))
    print(table(rows))
    return 1 if any("error" in row for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
