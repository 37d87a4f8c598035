"""Switch network time on (systemd-timesyncd, chrony or ntpd, whichever timedatectl knows) and wait until the clock is
synchronised.

Exit codes: detect 0 = it is not synchronised, 1 = it is; run, verify and undo 0 = done; anything else = failed.
"""

import subprocess
import sys
import time
from pathlib import Path

BEFORE = Path("network-time-before")
WAIT_SECONDS = 45.0


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program without a shell."""
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


def shown(name: str) -> str:
    """One property of timedatectl.

    Raises:
        SystemExit: timedatectl does not work here (2).
    """
    done = command("timedatectl", "show", "--property", name, "--value")
    if done.returncode != 0:
        sys.stderr.write(done.stderr)
        raise SystemExit(2)
    return done.stdout.strip()


def main(arguments: list[str]) -> int:
    """detect | run | verify | undo."""
    action = arguments[0]
    if action == "detect":
        return 1 if shown("NTPSynchronized") == "yes" else 0
    if action == "undo":
        if BEFORE.exists() and BEFORE.read_text("utf-8") == "no":
            return 0 if command("timedatectl", "set-ntp", "false").returncode == 0 else 2
        return 0
    if action == "run":
        BEFORE.write_text(shown("NTP"), "utf-8")
        done = command("timedatectl", "set-ntp", "true")
        sys.stderr.write(done.stderr)
        if done.returncode != 0:
            return 2
        # Already on but stuck: a restart asks the servers again.
        for unit in ("systemd-timesyncd.service", "chrony.service", "chronyd.service", "ntpsec.service"):
            command("systemctl", "try-restart", unit)
        return 0
    until = time.monotonic() + WAIT_SECONDS
    while shown("NTPSynchronized") != "yes":
        if time.monotonic() >= until:
            sys.stderr.write("No time server has answered. Is the network there, and UDP port 123 open?\n")
            return 2
        time.sleep(1.0)
    sys.stdout.write("The clock is synchronised.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
