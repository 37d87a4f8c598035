"""Source pixel to viewer pixel: Handrail beside x0vncserver in one run, or beside every peer that is installed.

    python -m tests.bench.screens [--peers] [--only NAME,...] [--workloads block,typing|own|all] [--seconds 8]

JSON lines and a table go to build/bench/. Quote ratios of one run, never the absolutes: machines differ and are shared.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.handrail_peer import handrail
from tests.bench.harness import cache_directory, calibrate, in_motion, measure, prepare, running
from tests.bench.peers import ELSEWHERE, OWN_WORKLOADS, WORKLOADS, Peer, peers

ROOT = Path(__file__).resolve().parents[2]
# Peers are given a fresh start for each group, so that one workload's backlog does not fall on the next.
GROUPS = (("idle", "block", "typing"), ("scroll", "drag"), ("video",), ("terminal", "browser"), ("conference",), ("ide", "sheet"))
MOTION_SECONDS = 5.0
REFERENCE = "x0vncserver"


def measure_peer(peer: Peer, workloads: list[str], seconds: float, out: Path, cache: Path) -> list[dict[str, Any]]:
    """Every wanted workload of one peer; a group that fails becomes one row that says why."""
    rows: list[dict[str, Any]] = []
    for group in GROUPS:
        wanted = [name for name in group if name in workloads]
        if not wanted:
            continue
        try:
            with running(peer, out, cache) as system:
                offset = calibrate(system, cache)
                for workload in wanted:
                    row = measure(system, workload, offset, seconds, out, cache)
                    if workload != "idle":
                        row |= in_motion(system, workload, offset, MOTION_SECONDS, out, cache)
                    rows.append(row)
                    print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
        except (OSError, RuntimeError, AssertionError, ValueError, IndexError) as error:
            rows.append({"peer": peer.name, "workload": ",".join(wanted), "error": f"{type(error).__name__}: {error}"})
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return rows


def ratio(ours: float | None, theirs: float | None) -> str:
    """Ours to theirs, two digits; below 1 is better than the reference."""
    return "-" if ours is None or not theirs else f"{ours / theirs:.2f}"


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: one line for each workload and peer, the ratio to the reference behind it."""
    lines = [
        "| workload | peer | p50/p95 ms | to x0vncserver | fps | kB/s | CPU % host | CPU % viewer "
        "| exact in motion | dB early → settled |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for workload in (*WORKLOADS, *OWN_WORKLOADS):
        of = [row for row in rows if row.get("workload") == workload and "error" not in row]
        reference = next((row for row in of if row["peer"] == REFERENCE), {})
        for row in of:
            cpu = row["cpu_percent"]
            times = "-" if row["p50_ms"] is None else f"{row['p50_ms']:.1f}/{row['p95_ms']:.1f}"
            against = f"{ratio(row['p50_ms'], reference.get('p50_ms'))}/{ratio(row['p95_ms'], reference.get('p95_ms'))}"
            host = cpu["server"] + cpu["relay"] + cpu["source"]
            motion = "-"
            if "motion_exact" in row:
                motion = f"{row['motion_exact']} of {row['motion_identified']}"
                if row["motion_exact"] < row["motion_identified"]:
                    motion += f" ({row['motion_psnr']:.0f} dB)"
            exact = " (exact)" if row["exact_region"] else ""
            lines.append(
                f"| {workload} | {row['peer']} | {times} | {against} | {row['fps']:.1f} of {row['drawn_fps']:.1f} "
                f"| {row['bytes_per_s'] / 1e3:.1f} | {host:.1f} | {cpu['viewer'] + cpu['display']:.1f} | {motion} "
                f"| {row['psnr_early']:.1f} → {row['psnr_settled']:.1f}{exact} |"
            )
    failed = [f"- {row['peer']} {row['workload']}: {row['error']}" for row in rows if "error" in row]
    return "\n".join(lines + (["", "Failed:", *failed] if failed else [])) + "\n"


def main() -> int:
    """Run, print the table, keep both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="every peer that is installed, not just x0vncserver")
    parser.add_argument("--only", default="", help="these systems alone")
    parser.add_argument("--workloads", default=",".join(WORKLOADS), help='names, or "own" for those of this project, or "all"')
    parser.add_argument("--seconds", type=float, default=8)
    options = parser.parse_args()
    cache = cache_directory()
    prepare(cache)
    out = ROOT / "build" / "bench"
    out.mkdir(parents=True, exist_ok=True)
    known = peers(cache) | {"handrail": handrail(cache)}
    names = options.only.split(",") if options.only else ["handrail", REFERENCE]
    if options.peers:
        names += [name for name in known if name not in names and name != "floor"]
    absent = {name: f"not installed: {known[name].lacks}" for name in names if known[name].lacks}
    names = [name for name in names if name not in absent]
    absent |= ELSEWHERE if options.peers else {}
    sets = {"own": OWN_WORKLOADS, "all": (*WORKLOADS, *OWN_WORKLOADS)}
    workloads = list(sets.get(options.workloads, options.workloads.split(",")))
    rows = [row for name in names for row in measure_peer(known[name], workloads, options.seconds, out, cache)]
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    (out / f"screens-{stamp}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = table(rows) + "".join(f"- {name} was not measured: {reason}\n" for name, reason in absent.items())
    (out / f"screens-{stamp}.md").write_text(text)
    print(text)
    return 1 if any("error" in row for row in rows if row["peer"] in ("handrail", REFERENCE)) else 0


if __name__ == "__main__":
    sys.exit(main())
