"""Shrink systemd's journal.

Exit codes: detect 0 = it is larger than wanted, 1 = it is not; run and verify 0 = done; anything else = failed.
"""

import os
import re
import subprocess
import sys

# Files that are being written cannot be removed: one for the system and one for each user, up to 128 MiB each.
IN_USE_MEGABYTES = 256
UNITS = {"B": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def usage() -> int:
    """Bytes on disk, by journalctl's own word ("Archived and active journals take up 1.2G in the file system.").

    Raises:
        SystemExit: it does not say (2).
    """
    done = subprocess.run(["journalctl", "--disk-usage"], capture_output=True, text=True, check=False)
    found = re.search(r"([0-9]+(?:\.[0-9]+)?)([BKMGT])", done.stdout)
    if done.returncode != 0 or found is None:
        sys.stderr.write(done.stderr or "journalctl does not say how large the journal is.\n")
        raise SystemExit(2)
    return int(float(found.group(1)) * UNITS[found.group(2)])


def main(arguments: list[str]) -> int:
    """detect | run | verify MEGABYTES."""
    action, text = arguments
    megabytes = int(text)
    if action == "run":
        for command in (["journalctl", "--rotate"], ["journalctl", f"--vacuum-size={megabytes}M"]):
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
            sys.stdout.write(done.stdout)
            sys.stderr.write(done.stderr)
            if done.returncode != 0:
                return 2
        return 0
    size = usage()
    sys.stdout.write(f"The journal takes {size / 1024**2:.0f} MiB.\n")
    most = (megabytes + IN_USE_MEGABYTES) * 1024**2
    if action == "detect":
        return 0 if size > megabytes * 1024**2 else 1
    return 0 if size <= most else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
