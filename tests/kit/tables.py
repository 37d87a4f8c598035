"""Tables as a snapshot would have them, for rules."""

from collections.abc import Sequence

from agent.diagnostics.allowlist import TABLES
from agent.diagnostics.collect import TableResult, filtered
from agent.diagnostics.findings import evaluate
from agent.diagnostics.rules import RULES
from protocol.messages.diagnostics import Cell, Finding, Row


def table(name: str, *rows: Row) -> TableResult:
    """An `ok` table. Cells that the allow-list would drop fail here: a rule must not be tested on what it never sees."""
    kept, left_out = filtered(TABLES[name], rows)
    assert left_out == 0 and list(kept) == [dict(row) for row in rows], f"{name}: {rows} -> {kept}"
    return TableResult(name, "ok", 1.0, 1000.0, kept)


def failed(name: str) -> TableResult:
    """A table that is not there."""
    return TableResult(name, "failed", 1.0, 1000.0, reason="no")


def findings(*tables: TableResult) -> list[Finding]:
    """What all the rules say of them."""
    return evaluate(tables, RULES)


def only(found: Sequence[Finding], identifier: str) -> Finding:
    """The one finding there should be."""
    assert [finding.id for finding in found] == [identifier], found
    return found[0]


def mount(*, used: float, available: int, path: str = "/", inodes_used: float = 1.0, **more: Cell) -> Row:
    """A local, writable file system."""
    return {
        "path": path,
        "type": "ext4",
        "blocks_size": 1,
        "blocks_available": available,
        "inodes_free": 1000,
        "used_percent": used,
        "inodes_used_percent": inodes_used,
        "local": True,
        "read_only": False,
        **more,
    }
