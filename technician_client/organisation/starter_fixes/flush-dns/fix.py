"""Empty resolver caches and restart the resolver.

Exit codes: detect 0 = the name cannot be looked up, 1 = it can; run and verify 0 = done; anything else = failed.
"""

import shutil
import socket
import subprocess
import sys
import time

WAIT_SECONDS = 15.0
# (program that must be there, what is run): each resolver that may hold a cache on a Linux desktop.
STEPS = (
    ("resolvectl", ["resolvectl", "flush-caches"]),
    ("nscd", ["nscd", "--invalidate=hosts"]),
    ("systemctl", ["systemctl", "try-restart", "systemd-resolved.service"]),
    ("systemctl", ["systemctl", "try-restart", "dnsmasq.service"]),
    ("systemctl", ["systemctl", "try-restart", "unbound.service"]),
)


def resolves(name: str) -> bool:
    """Whether the system's resolver answers for this name (an answer that there is none counts as no)."""
    try:
        return bool(socket.getaddrinfo(name, None))
    except OSError:
        return False


def restart() -> int:
    """Run every step that this computer knows."""
    done = 0
    for program, command in STEPS:
        if shutil.which(program) is None:
            continue
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        sys.stdout.write(f"{' '.join(command)}: {'done' if result.returncode == 0 else result.stderr.strip() or 'failed'}\n")
        done += result.returncode == 0
    return 0 if done else 2


def main(arguments: list[str]) -> int:
    """detect | run | verify NAME."""
    action, name = arguments
    if action == "run":
        return restart()
    if action == "detect":
        return 1 if resolves(name) else 0
    until = time.monotonic() + WAIT_SECONDS
    while not resolves(name):
        if time.monotonic() >= until:
            sys.stderr.write(f"{name} still cannot be looked up. Look at the network connection and its name servers.\n")
            return 2
        time.sleep(1.0)
    sys.stdout.write(f"{name} can be looked up.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
