"""Restart one systemd service.

Exit codes: detect 0 = it has failed, 1 = it has not; run and verify 0 = it runs; anything else = failed.
"""

import subprocess
import sys
import time

STEADY_SECONDS = 3.0


def systemctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemctl; its own words go on to our output."""
    return subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)


def state(unit: str, name: str) -> str:
    """One property of a unit."""
    return systemctl("show", "--property", name, "--value", "--", unit).stdout.strip()


def restart(unit: str) -> int:
    """Reset the count of failed starts, then start anew."""
    systemctl("reset-failed", "--", unit)
    done = systemctl("restart", "--", unit)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return 0 if done.returncode == 0 else 2


def steady(unit: str) -> bool:
    """Whether it runs (or has done its one-time work) and goes on doing so."""
    until = time.monotonic() + STEADY_SECONDS
    while True:
        active = state(unit, "ActiveState")
        oneshot = state(unit, "Type") == "oneshot" and active in ("inactive", "active") and state(unit, "Result") == "success"
        if active not in ("active", "activating", "reloading") and not oneshot:
            sys.stderr.write(f"{unit} is {active}.\n")
            return False
        if time.monotonic() >= until:
            return active == "active" or oneshot
        time.sleep(0.5)


def main(arguments: list[str]) -> int:
    """detect | run | verify UNIT."""
    action, unit = arguments
    if action == "run":
        return restart(unit)
    if action == "verify":
        return 0 if steady(unit) else 2
    if state(unit, "LoadState") != "loaded":
        sys.stderr.write(f"There is no service {unit} on this computer.\n")
        return 2
    return 0 if state(unit, "ActiveState") == "failed" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
