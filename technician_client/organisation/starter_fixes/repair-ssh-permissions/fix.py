"""Take other people's rights away from ~/.ssh, as ssh(1) and sshd(8) demand. What was before is noted in the working directory
for undo.

Exit codes: detect 0 = something is open to others, 1 = nothing; run, verify and undo 0 = done; anything else = failed.
"""

import json
import os
import stat
import sys
from pathlib import Path

BEFORE = Path("modes-before.json")
OTHERS_CHANGE = 0o022
OTHERS_ANYTHING = 0o077


def directory() -> Path:
    """The user's ~/.ssh."""
    return Path(os.environ.get("HOME") or Path.home()) / ".ssh"


def is_private_key(path: Path) -> bool:
    """Whether the first line says so; a key that cannot be read is judged by its name."""
    try:
        with path.open("rb") as file:
            first = file.read(80)
    except OSError:
        return path.name.startswith("id_") and path.suffix != ".pub"
    return first.startswith(b"-----BEGIN ") and b"PRIVATE KEY-----" in first


def loose() -> list[tuple[Path, int, int]]:
    """(path, present mode, wanted mode) of everything that is open to others."""
    found = []
    ssh = directory()
    if not ssh.is_dir() or ssh.is_symlink() or ssh.stat().st_uid != os.getuid():
        return []
    mode = stat.S_IMODE(ssh.stat().st_mode)
    if mode & OTHERS_CHANGE:
        found.append((ssh, mode, 0o700))
    for path in sorted(ssh.iterdir()):
        status = path.lstat()
        mode = stat.S_IMODE(status.st_mode)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
            continue
        if is_private_key(path):
            forbidden = OTHERS_ANYTHING
        elif path.name in ("authorized_keys", "config", "known_hosts"):
            forbidden = OTHERS_CHANGE
        else:
            continue
        if mode & forbidden:
            found.append((path, mode, 0o600))
    return found


def change(path: Path, mode: int) -> None:
    """chmod that never follows a link."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def repair() -> int:
    """Set the wanted modes."""
    found = loose()
    BEFORE.write_text(json.dumps([[str(path), mode] for path, mode, _ in found]), "utf-8")
    failed = 0
    for path, mode, wanted in found:
        try:
            change(path, wanted)
        except OSError as error:
            failed += 1
            sys.stderr.write(f"{path.name}: {error.strerror}\n")
        else:
            sys.stdout.write(f"{path.name}: {mode:o} -> {wanted:o}\n")
    return 2 if failed else 0


def undo() -> int:
    """Set the modes that were before."""
    if not BEFORE.exists():
        return 0
    for path, mode in json.loads(BEFORE.read_text("utf-8")):
        change(Path(path), int(mode))
    return 0


def main(arguments: list[str]) -> int:
    """detect | run | verify | undo."""
    match arguments:
        case ["run"]:
            return repair()
        case ["undo"]:
            return undo()
        case ["detect"]:
            found = loose()
            for path, mode, _ in found:
                sys.stdout.write(f"{path.name} has mode {mode:o}\n")
            return 0 if found else 1
        case _:
            return 2 if loose() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
