"""Rules about room: disks, inodes, trash, journal."""

from agent.diagnostics.findings import Rule, Tables, Trouble, number, several, size, text
from protocol.messages.diagnostics import Row

GIB = 1024**3
LOW_PERCENT, LOW_BYTES = 10.0, 20 * GIB
VERY_LOW_PERCENT, VERY_LOW_BYTES = 4.0, 5 * GIB
INODES_PERCENT, INODES_VERY_PERCENT = 90.0, 97.0
TRASH_BYTES = GIB
TRASH_SHARE_WHEN_LOW = 100 * 1024**2
JOURNAL_BYTES = 2 * GIB
FREE_DISK_DAYS = 7


def _fillable(tables: Tables) -> list[Row]:
    return [row for row in tables.rows("mounts") if row.get("local") is True and row.get("read_only") is False]


def _available(row: Row) -> float | None:
    blocks, block = number(row, "blocks_available"), number(row, "blocks_size")
    return None if blocks is None or block is None else blocks * block


def _is_low(row: Row) -> bool:
    used, available = number(row, "used_percent"), _available(row)
    return used is not None and available is not None and 100 - used < LOW_PERCENT and available < LOW_BYTES


def disk_space(tables: Tables) -> list[Trouble]:
    """A local, writable file system with little left: both in percent and in bytes, so that a large disk is not reported
    early."""
    troubles = []
    for row in sorted(filter(_is_low, _fillable(tables)), key=lambda row: -(number(row, "used_percent") or 0)):
        used, available = number(row, "used_percent") or 0.0, _available(row) or 0.0
        very = 100 - used < VERY_LOW_PERCENT and available < VERY_LOW_BYTES
        path = text(row, "path")
        troubles.append(
            Trouble(
                "critical" if very else "warning",
                f"Only {size(available)} are left on {path}. "
                + (
                    "Programs can fail to save, and the computer may not start properly."
                    if very
                    else "When it is full, programs can no longer save."
                )
                + " Old temporary and downloaded package files can be removed safely.",
                {"path": path, "used_percent": used, "available_bytes": int(available), "type": text(row, "type")},
                parameters={"days": FREE_DISK_DAYS},
            )
        )
    return troubles


def inodes(tables: Tables) -> list[Trouble]:
    """A file system that can hold hardly any more files, however small."""
    troubles = []
    for row in _fillable(tables):
        used = number(row, "inodes_used_percent")
        if used is None or used < INODES_PERCENT:
            continue
        path = text(row, "path")
        troubles.append(
            Trouble(
                "critical" if used >= INODES_VERY_PERCENT else "warning",
                f"{path} can hold only {int(number(row, 'inodes_free') or 0)} more files, although it may have room "
                f"left. Somewhere there "
                "are very many small files; once none can be made, programs fail as if the disk were full.",
                {"path": path, "inodes_used_percent": used, "inodes_free": row.get("inodes_free")},
            )
        )
    return troubles


def trash(tables: Tables) -> list[Trouble]:
    """A large trash; a smaller one too when the disk is nearly full."""
    low = any(_is_low(row) for row in _fillable(tables))
    troubles = []
    for row in tables.rows("user_files"):
        taken = number(row, "size")
        if text(row, "kind") != "trash" or taken is None or taken < (TRASH_SHARE_WHEN_LOW if low else TRASH_BYTES):
            continue
        troubles.append(
            Trouble(
                "warning" if low else "notice",
                f"The trash holds {size(taken)} in {several(int(number(row, 'items') or 0), 'item', 'items')}. "
                f"Deleted files take up "
                "room until the trash is emptied; after that they cannot be brought back.",
                {"size": int(taken), "items": row.get("items"), "oldest_days": row.get("oldest_days"), "path": text(row, "path")},
            )
        )
    return troubles


def journal(tables: Tables) -> list[Trouble]:
    """A very large journal."""
    rows = tables.rows("journal_usage")
    taken = sum(number(row, "size") or 0 for row in rows)
    if taken < JOURNAL_BYTES:
        return []
    files = int(sum(number(row, "files") or 0 for row in rows))
    return [
        Trouble(
            "notice",
            f"The system's journal takes up {size(taken)}. Old entries can be removed; recent ones stay.",
            {"size": int(taken), "files": files},
        )
    ]


STORAGE_RULES = (
    Rule("disk_space_low", "The disk is almost full", ("mounts",), disk_space, "free-disk-space"),
    Rule("inode_space_low", "The disk can hold hardly any more files", ("mounts",), inodes),
    Rule("trash_large", "The trash takes up a lot of room", ("user_files", "mounts"), trash, "empty-trash"),
    Rule("journal_large", "The system's journal takes up a lot of room", ("journal_usage",), journal, "vacuum-journal"),
)
