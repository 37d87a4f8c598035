"""Empty the user's trash (freedesktop.org Trash specification: files/NAME with info/NAME.trashinfo).

Exit codes: detect 0 = there is something in it, 1 = nothing; run and verify 0 = done; anything else = failed.
"""

import os
import shutil
import sys
import time
from pathlib import Path


def trash() -> Path:
    """The trash of the home directory."""
    return Path(os.environ.get("HOME") or Path.home()) / ".local" / "share" / "Trash"


def entries(before: float) -> list[Path]:
    """What was put there before that time; what has no information file counts by its own time of change."""
    found = []
    files = trash() / "files"
    for path in sorted(files.iterdir()) if files.is_dir() else []:
        info = trash() / "info" / f"{path.name}.trashinfo"
        try:
            when = (info if info.exists() else path).lstat().st_mtime
        except OSError:
            continue
        if when <= before:
            found.append(path)
    return found


def remove(path: Path) -> None:
    """Remove one entry; its information goes last, so that an interrupted run leaves an entry that can be seen."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
    (trash() / "info" / f"{path.name}.trashinfo").unlink(missing_ok=True)


def forget_lost_information() -> None:
    """Information about entries that are gone."""
    info = trash() / "info"
    for path in info.glob("*.trashinfo") if info.is_dir() else []:
        if not os.path.lexists(trash() / "files" / path.stem):
            path.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """detect | run | verify DAYS."""
    action, days = arguments
    found = entries(time.time() - int(days) * 86400)
    if action == "detect":
        sys.stdout.write(f"{len(found)} entries in the trash.\n")
        return 0 if found else 1
    if action == "verify":
        return 2 if found else 0
    failed = 0
    for path in found:
        try:
            remove(path)
        except OSError as error:
            failed += 1
            sys.stderr.write(f"kept {path.name}: {error.strerror}\n")
    forget_lost_information()
    sys.stdout.write(f"Removed {len(found) - failed} of {len(found)} entries.\n")
    return 0 if not failed else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
