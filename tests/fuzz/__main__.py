"""`make fuzz MINUTES=10`: each target for its share of the time, coverage-guided (atheris), each in a process of its own.

What is found lies in build/fuzz/<target>/ (`crash-*`, `timeout-*`, `oom-*`) and is run again by:
python -m tests.fuzz TARGET --input FILE
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "fuzz"
INPUT_BYTES = 8192
MEMORY_MIB = 2048


def main() -> int:
    """Run what the command line says; 1 when something was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", nargs="?", help="one target only")
    parser.add_argument("--minutes", type=float, default=10.0, help="for all targets together")
    parser.add_argument("--seconds", type=float, help="for this target")
    parser.add_argument("--input", type=Path, help="run one input and nothing else")
    chosen = parser.parse_args()
    if chosen.input is not None:
        from tests.fuzz.targets import TARGETS

        TARGETS[chosen.target](chosen.input.read_bytes())
        print(f"{chosen.target}: {chosen.input} is handled")
        return 0
    if chosen.seconds is not None:
        return fuzz(chosen.target, chosen.seconds)
    from tests.fuzz.targets import TARGETS

    names = [chosen.target] if chosen.target else list(TARGETS)
    found = []
    for name in names:
        seconds = chosen.minutes * 60 / len(names)
        print(f"== {name} for {seconds:.0f} s", flush=True)
        command = [sys.executable, "-m", "tests.fuzz", name, "--seconds", str(seconds)]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            found.append(name)
    print(f"fuzz: {len(names)} targets, found something in: {', '.join(found) or 'none'}")
    return int(bool(found))


def fuzz(name: str, seconds: float) -> int:
    """One target in this process; does not return when something is found or the time is over."""
    import atheris

    with atheris.instrument_imports(include=["protocol", "hostio", "agent", "technician_client", "relay"]):
        from tests.fuzz.targets import TARGETS, seeds
    place = BUILD / name
    corpus = place / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(seed)
    target = TARGETS[name]
    target(b"")
    arguments = [
        "fuzz",
        str(corpus),
        f"-max_total_time={max(1, int(seconds))}",
        f"-max_len={INPUT_BYTES}",
        f"-rss_limit_mb={MEMORY_MIB}",
        "-timeout=20",
        "-print_final_stats=1",
        "-verbosity=0",
        f"-artifact_prefix={place}{os.sep}",
    ]
    atheris.Setup(arguments, target)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
