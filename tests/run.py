"""Runs the suite, and what failed in it once more, alone: `python -m tests.run ARGS` (the arguments are pytest's).

Hundreds of real programs, displays and browsers share two processors in the first run, and a machine that stands still for half a
minute fails whatever waits just then. What fails alone too is broken. What passes alone is named at the end all the same: it is
to be looked into. More than `MOST` failures are no chance, and nothing is run again.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".pytest_cache"
MOST = 12
TESTS_FAILED = 1
LAST_FAILED = Path("v", "cache", "lastfailed")


def failed_tests(cache: Path) -> list[str]:
    """What failed last, by pytest's names."""
    path = cache / LAST_FAILED
    return sorted(json.loads(path.read_text())) if path.exists() else []


def main(arguments: list[str], cache: Path = CACHE, folder: Path = ROOT) -> int:
    """The exit code of the run that counts."""
    (cache / LAST_FAILED).unlink(missing_ok=True)  # names of an earlier run, some of which may not exist any more
    pytest = [sys.executable, "-m", "pytest", "-o", f"cache_dir={cache}"]
    code = subprocess.run([*pytest, *arguments], cwd=folder, check=False).returncode
    failed = failed_tests(cache)
    if code != TESTS_FAILED or not 0 < len(failed) <= MOST:
        return code
    print(f"\n{len(failed)} failed beside all the others. Now alone:", *failed, sep="\n  ", flush=True)
    code = subprocess.run([*pytest, "-q", *failed], cwd=folder, check=False).returncode
    if code == 0:
        print("\nThese passed alone; something in them depends on what else runs:", *failed, sep="\n  ", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
