"""A directory of the run's own: mode 0700, removed afterwards, found also when the disk is full.

A fix for a full disk must not itself need the disk; so places in memory come first. Nothing is executed from there directly
(an interpreter
reads the script), so it does not matter that such places are often mounted `noexec`.
"""

import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from protocol.errors import Unavailable

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of ours is made in it, with a name nobody can guess and mode 0700
PREFIX = "handrail-fix-"
ROOM_BYTES = 64 * 1024


def candidates(environ: Mapping[str, str], *, temporary: Path | None = None) -> list[Path]:
    """Places to try, best first: the user's runtime directory, shared memory, the usual temporary directory."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    places = [Path(runtime)] if runtime.startswith("/") else []
    return [*places, SHARED_MEMORY, temporary or Path(tempfile.gettempdir())]


@contextmanager
def workspace(places: Sequence[Path], needed: int) -> Iterator[Path]:
    """A new directory with room for `needed` bytes in the first place that has it.

    Raises:
        Unavailable: there is none; the text says which places were tried.
    """
    directory, complaints = _make(places, needed)
    if directory is None:
        raise Unavailable(
            f"There is no room to unpack the script ({'; '.join(complaints)}). Free some space or memory and try again."
        )
    try:
        yield directory
    finally:
        shutil.rmtree(directory, onerror=_loosen)


def _make(places: Sequence[Path], needed: int) -> tuple[Path | None, list[str]]:
    complaints: list[str] = []
    for place in dict.fromkeys(places):
        try:
            directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        except OSError as error:
            complaints.append(f"{place}: {error.strerror or error}")
            continue
        try:
            trial = directory / "room"
            trial.write_bytes(bytes(needed + ROOM_BYTES))
            trial.unlink()
        except OSError as error:
            complaints.append(f"{place}: {error.strerror or error}")
            shutil.rmtree(directory, ignore_errors=True)
            continue
        return directory, complaints
    return None, complaints


def _loosen(function: object, path: str, error: object) -> None:
    """A script may leave directories without permissions behind: open its parent and itself, try once more, then leave it."""
    del function, error
    stuck = Path(path)
    try:
        stuck.parent.chmod(stat.S_IRWXU)
        if stuck.is_dir() and not stuck.is_symlink():
            stuck.chmod(stat.S_IRWXU)
            shutil.rmtree(stuck, ignore_errors=True)
        else:
            stuck.unlink()
    except OSError:
        return
