"""Remove this user's own cache and temporary files that were not used for some days.

Directories are walked by file descriptor and links are never followed, so that nobody can lead the walk elsewhere while it runs.
Exit codes: detect 0 = there is something to remove, 1 = nothing; run and verify 0 = done; anything else = failed.
"""

import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

LEAST_BYTES = 1024 * 1024


def places() -> list[Path]:
    """Where programs keep what they can make again."""
    home = Path(os.environ.get("HOME") or Path.home())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    temporary = [Path("/tmp"), Path("/var/tmp")]  # noqa: S108 - to clean up in, not to write to
    return [cache, *temporary]


def old_files(place: Path, before: float) -> Iterator[tuple[int, str, str, int]]:
    """Yield (directory descriptor, name, path, bytes) of regular files of this user on the same file system, unused since
    `before`."""
    user = os.getuid()
    try:
        device = place.lstat().st_dev
    except OSError:
        return
    for directory, names, files, descriptor in os.fwalk(place, follow_symlinks=False):
        for name in list(names):
            try:
                found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except OSError:
                names.remove(name)
                continue
            if found.st_dev != device or not stat.S_ISDIR(found.st_mode):
                names.remove(name)
        for name in files:
            try:
                found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except OSError:
                continue
            used = max(found.st_atime, found.st_mtime, found.st_ctime if found.st_nlink > 1 else 0)
            if stat.S_ISREG(found.st_mode) and found.st_uid == user and used < before:
                yield descriptor, name, str(Path(directory) / name), found.st_blocks * 512


def total(before: float) -> int:
    """Bytes that could be freed."""
    return sum(size for place in places() for _, _, _, size in old_files(place, before))


def remove(before: float) -> int:
    """Remove them; returns the bytes freed."""
    freed = count = 0
    for place in places():
        for descriptor, name, path, size in old_files(place, before):
            try:
                os.unlink(name, dir_fd=descriptor)
            except OSError as error:
                sys.stderr.write(f"kept {path}: {error.strerror}\n")
                continue
            freed += size
            count += 1
    sys.stdout.write(f"Removed {count} files, {freed / 1024**2:.1f} MiB.\n")
    return freed


def main(arguments: list[str]) -> int:
    """detect | run | verify DAYS."""
    action, days = arguments
    before = time.time() - int(days) * 86400
    if action == "run":
        remove(before)
        return 0
    size = total(before)
    sys.stdout.write(f"{size / 1024**2:.1f} MiB can be freed.\n")
    if action == "detect":
        return 0 if size >= LEAST_BYTES else 1
    return 0 if size < LEAST_BYTES else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
