"""How long files are kept that pile up (what terminals printed, recordings): by age and by how much they are together.

A file that somebody writes is held by a lock of the kernel's, which ends with its writer however that ends, and is never deleted.
Blocking: worker threads.
"""

import fcntl
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DAY_SECONDS: Final = 86400.0
MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Lying:
    """One file. `changed_at` in seconds since 1970: when something was last written to it."""

    path: Path
    size: int
    changed_at: float


@dataclass(frozen=True, slots=True)
class Outdated:
    """A file that is not kept any longer, and why: a few words ("older than 30 days")."""

    path: Path
    size: int
    why: str


def shorter(*limits: int) -> int:
    """The least of some limits, of which 0 is none; 0 when there is none at all."""
    return min((limit for limit in limits if limit > 0), default=0)


def hold(descriptor: int) -> None:
    """This file is being written, until its descriptor is closed. Where the file system knows no locks it is not held."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return


def in_use(path: Path) -> bool:
    """Whether somebody writes it now, or it is nothing that may be deleted (gone, a link, no plain file, not ours)."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return True
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            return True
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def look(directory: Path, suffix: str) -> list[Lying]:
    """The plain files of a directory with that end of their name, the oldest first; none where there is no such directory."""
    found = []
    try:
        entries = list(os.scandir(directory))
    except OSError:
        return []
    for entry in entries:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            continue  # it went meanwhile
        if entry.name.endswith(suffix) and stat.S_ISREG(status.st_mode):
            found.append(Lying(directory / entry.name, status.st_size, status.st_mtime))
    return sorted(found, key=lambda one: (one.changed_at, one.path.name))


def outdated(files: Sequence[Lying], days: Callable[[Path], int], megabytes: int, now: float) -> list[Outdated]:
    """What of these is not kept any longer.

    Args:
        files: the oldest first. days: how many each is kept (0: not limited). megabytes: how much they may be together
        (0: not limited); the oldest go first. now: seconds since 1970.
    """
    found: list[Outdated] = []
    total = sum(one.size for one in files)
    for one in files:
        kept = days(one.path)
        if kept and now - one.changed_at > kept * DAY_SECONDS:
            why = f"older than {kept} {'day' if kept == 1 else 'days'}"
        elif megabytes and total > megabytes * MEGABYTE:
            why = f"more than {megabytes} MB together"
        else:
            continue
        if not in_use(one.path):
            found.append(Outdated(one.path, one.size, why))
            total -= one.size
    return found


def drop(found: Iterable[Outdated]) -> list[Outdated]:
    """Delete them; returns those that could be."""
    gone = []
    for one in found:
        try:
            one.path.unlink()
        except OSError:
            continue
        gone.append(one)
    return gone
