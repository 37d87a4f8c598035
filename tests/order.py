"""The order of the files: long ones first, so that no worker is left alone with one at the end.

`tests/longest.txt` names each file that takes seconds, and how many. `make order` writes it anew from what the last `make test`
took (`build/tests.xml`). A file that is not named is short, or new.
"""

import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "tests" / "longest.txt"
TIMES = ROOT / "build" / "tests.xml"
LEAST_SECONDS = 2.0
HEAD = "# Seconds, and the file that took them: written by `make order` after `make test` (see tests/order.py).\n"


def known(table: Path = TABLE) -> dict[str, float]:
    """Seconds by file, as the table has them."""
    lines = [line.split() for line in table.read_text().splitlines() if not line.startswith("#")]
    return {name: float(seconds) for seconds, name in lines}


def measured(times: Path) -> dict[str, float]:
    """Seconds by file, as a run has written them: JUnit's XML of the first kind, whose cases name their file (but for one during
    which a worker died)."""
    found: Counter[str] = Counter()
    for case in ElementTree.parse(times).getroot().iter("testcase"):
        if "file" in case.attrib:
            found[case.attrib["file"]] += float(case.attrib["time"])
    return dict(found)


def main(times: Path = TIMES, table: Path = TABLE, least: float = LEAST_SECONDS) -> int:
    """Write the table of files that take `least` seconds; the exit code."""
    if not times.is_file():
        print(f"There is no {times}: run make test first.", file=sys.stderr)
        return 1
    rows = sorted(((seconds, name) for name, seconds in measured(times).items()), reverse=True)
    table.write_text(HEAD + "".join(f"{seconds:6.1f} {name}\n" for seconds, name in rows if seconds >= least))
    return 0


if __name__ == "__main__":
    sys.exit(main())
