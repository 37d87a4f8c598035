"""`user_files`: the trash and the SSH keys of the agent's user. Sizes and permissions; of a
key file the first line's words are looked at to tell that it is one, and nothing of it is kept."""

import os
import stat
import time
from pathlib import Path
from typing import ClassVar

from agent.diagnostics.probe import Environment, Probe
from protocol.messages.diagnostics import Row

_TRASH = ".local/share/Trash"
_SSH = ".ssh"
_SECONDS = 1.0
_MOST_KEYS = 40
_OTHERS_MAY_CHANGE = 0o022
_OTHERS_MAY_ANYTHING = 0o077


def trash_row(trash: Path, wall: float, *, seconds: float = _SECONDS) -> Row | None:
    """Size on disk and number of entries; what could be counted within `seconds` of a very large one. None when there is none."""
    if not trash.is_dir():
        return None
    size = items = 0
    end = time.monotonic() + seconds
    for parent, directories, names in os.walk(trash / "files"):
        for name in (*directories, *names):
            try:
                size += (Path(parent) / name).lstat().st_blocks * 512
            except OSError:
                continue
        if Path(parent) == trash / "files":
            items = len(directories) + len(names)
        if time.monotonic() > end:
            break
    deleted = [_changed(path) for path in list((trash / "info").glob("*.trashinfo"))[:10_000]]
    oldest = min((when for when in deleted if when is not None), default=None)
    return {
        "kind": "trash",
        "path": f"~/{_TRASH}",
        "size": size,
        "items": items,
        "oldest_days": None if oldest is None else round(max(wall - oldest, 0.0) / 86400, 1),
    }


def _changed(path: Path) -> float | None:
    try:
        return path.lstat().st_mtime
    except OSError:
        return None


def ssh_rows(directory: Path) -> list[Row]:
    """The directory and the files in it that ssh(1) is strict about: it ignores private keys that others may read, and sshd(8)
    ignores lists and directories that others may change."""
    try:
        mode = directory.stat().st_mode
        names = sorted(entry.name for entry in directory.iterdir())
    except OSError:
        return []
    rows: list[Row] = [_row("ssh_directory", f"~/{_SSH}", mode, _OTHERS_MAY_CHANGE)]
    for name in names:
        path = directory / name
        try:
            status = path.lstat()
        except OSError:
            continue
        if not stat.S_ISREG(status.st_mode) or len(rows) > _MOST_KEYS:
            continue
        if _is_private_key(path):
            rows.append(_row("ssh_key", f"~/{_SSH}/{name}", status.st_mode, _OTHERS_MAY_ANYTHING))
        elif name in ("authorized_keys", "config", "known_hosts"):
            rows.append(_row("ssh_file", f"~/{_SSH}/{name}", status.st_mode, _OTHERS_MAY_CHANGE))
    return rows


def _row(kind: str, path: str, mode: int, forbidden: int) -> Row:
    permissions = stat.S_IMODE(mode)
    return {"kind": kind, "path": path, "mode": f"{permissions:04o}", "loose": bool(permissions & forbidden)}


def _is_private_key(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            first = file.read(80)
    except OSError:
        return path.name.startswith("id_") and path.suffix != ".pub"
    return first.startswith(b"-----BEGIN ") and b"PRIVATE KEY-----" in first


class UserFiles(Probe):
    """A row for the trash and one for each thing of SSH's."""

    table: ClassVar = "user_files"
    budget: ClassVar = 1.5

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        return await environment.thread(self.table, self._rows, environment)

    def _rows(self, environment: Environment) -> list[Row]:
        trash = trash_row(environment.home / _TRASH, environment.wall())
        return ([trash] if trash else []) + ssh_rows(environment.home / _SSH)
