"""Findings: what is wrong, by rule.

A rule is data (`Rule`) plus a small pure function from the collected tables to zero or more findings. It sees only what
passed the
allow-list, quotes the cells that led to it as evidence, and names the approved fix that answers it. A table that is not `ok`
has no rows, so a
rule that needs it stays silent: unknown is never reported as wrong.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from agent.diagnostics.collect import TableResult
from protocol.messages.diagnostics import Cell, Finding, Row
from protocol.printable import shortened

Severity = Literal["critical", "warning", "notice"]
PER_RULE = 5
_ORDER: Mapping[str, int] = {"critical": 0, "warning": 1, "notice": 2}


class Tables:
    """Read access to a snapshot for rules."""

    def __init__(self, results: Iterable[TableResult]) -> None:
        self._results = {result.name: result for result in results}

    def rows(self, table: str) -> tuple[Row, ...]:
        """Rows of a table; none when it was not collected or is not `ok`."""
        result = self._results.get(table)
        return result.rows if result is not None and result.status == "ok" else ()

    def first(self, table: str) -> Row:
        """The only row of a table; empty when there is none."""
        rows = self.rows(table)
        return rows[0] if rows else {}

    def has(self, table: str) -> bool:
        """Whether the table was collected and is `ok`."""
        result = self._results.get(table)
        return result is not None and result.status == "ok"


def number(row: Row, column: str) -> float | None:
    """A cell as a number; None when it is missing or none."""
    value = row.get(column)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def text(row: Row, column: str) -> str:
    """A cell as text; "" when it is missing or none."""
    value = row.get(column)
    return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a rule's function found once. `says` is for the user, `fix` overrides the rule's own fix ("" for none)."""

    severity: Severity
    says: str
    evidence: dict[str, Cell]
    fix: str | None = None
    parameters: dict[str, str | int | bool] = field(default_factory=dict)


Check = Callable[[Tables], Sequence[Trouble]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `needs` are the tables it reads; `fix` is the id of the approved script that answers it, "" when only a
    person can."""

    id: str
    title: str
    needs: tuple[str, ...]
    check: Check
    fix: str = ""


def evaluate(results: Iterable[TableResult], rules: Sequence[Rule]) -> list[Finding]:
    """Every finding, worst first; at most five per rule."""
    tables = Tables(results)
    found = [
        _finding(rule, trouble)
        for rule in rules
        if any(tables.has(table) for table in rule.needs)
        for trouble in list(rule.check(tables))[:PER_RULE]
    ]
    return sorted(found, key=lambda finding: _ORDER[finding.severity])


def tables_for(finding: str, rules: Sequence[Rule]) -> tuple[str, ...]:
    """Which tables have to be collected again to tell whether a finding is gone; empty for an unknown one."""
    return next((rule.needs for rule in rules if rule.id == finding), ())


def _finding(rule: Rule, trouble: Trouble) -> Finding:
    fix = rule.fix if trouble.fix is None else trouble.fix
    return Finding(
        id=rule.id,
        title=rule.title,
        severity=trouble.severity,
        text=shortened(trouble.says, 4000),
        evidence=dict(list(trouble.evidence.items())[:32]),
        fix=fix,
        fix_parameters=trouble.parameters if fix else {},
    )


def size(value: float) -> str:
    """Bytes as people read them, in binary units."""
    amount = float(value)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if abs(amount) < 1024:
            return f"{amount:.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def several(count: int, one: str, more: str) -> str:
    """`1 package`, `3 packages`."""
    return f"{count} {one if count == 1 else more}"
