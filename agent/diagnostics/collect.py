"""Runs probes side by side, each within its own budget and all within one, and lets only allow-listed cells through."""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from agent.diagnostics.allowlist import TABLES, Column, Table
from agent.diagnostics.probe import Cost, Environment, Probe, ProbeError, Unsupported
from protocol.messages.diagnostics import Cell, Row
from protocol.printable import printable, shortened

SNAPSHOT_SECONDS = 2.8
CELL_CHARACTERS = 500
TABLE_BYTES = 512 * 1024
COMPUTING = 2
WAITING = 12
REASON_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class TableResult:
    """What became of one table. Durations in milliseconds; `truncated` counts rows left out."""

    name: str
    status: Literal["ok", "unsupported", "failed"]
    duration_ms: float
    budget_ms: float
    rows: tuple[Row, ...] = ()
    reason: str = ""
    truncated: int = 0


class Collector:
    """Runs probes. One is made for the agent and used again; `clock` is monotonic seconds."""

    def __init__(self, probes: Sequence[Probe], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._probes = {probe.table: probe for probe in probes}
        self._clock = clock
        unknown = self._probes.keys() - TABLES.keys()
        if unknown:
            raise ValueError(f"tables without an allow-list: {sorted(unknown)}")

    @property
    def tables(self) -> list[str]:
        """Names of the tables it can collect, in the allow-list's order."""
        return [name for name in TABLES if name in self._probes]

    async def collect(
        self,
        environment: Environment,
        tables: Iterable[str] = (),
        *,
        on_result: Callable[[TableResult], None] | None = None,
        seconds: float = SNAPSHOT_SECONDS,
    ) -> list[TableResult]:
        """One result for each table (all tables when none is named); an unknown name is `unsupported`.

        `on_result` hears of each as it is ready. After `seconds` whatever is still running is cancelled and reported as failed.
        """
        wanted = list(dict.fromkeys(tables)) or self.tables
        end = self._clock() + seconds
        slots = {Cost.COMPUTES: asyncio.Semaphore(COMPUTING), Cost.WAITS: asyncio.Semaphore(WAITING)}
        results: list[TableResult] = []

        def ready(result: TableResult) -> None:
            results.append(result)
            if on_result is not None:
                on_result(result)

        async def one(name: str, probe: Probe) -> None:
            ready(await self._probe(environment, name, probe, slots[probe.cost], end))

        async with asyncio.TaskGroup() as group:
            # In the probes' own order, which starts the slowest first.
            for name, probe in self._probes.items():
                if name in wanted:
                    group.create_task(one(name, probe), name=f"probe {name}")
            for name in wanted:
                if name not in self._probes:
                    known = "a table without a probe here" if name in TABLES else "not a table of this version"
                    ready(TableResult(printable(shortened(name, 200)), "unsupported", 0.0, 0.0, reason=f"This is {known}."))
        return results

    async def _probe(self, environment: Environment, name: str, probe: Probe, slot: asyncio.Semaphore, end: float) -> TableResult:
        budget_ms = probe.budget * 1000
        try:
            async with asyncio.timeout(max(end - self._clock(), 0)):
                await slot.acquire()
        except TimeoutError:
            return TableResult(
                name,
                "failed",
                0.0,
                budget_ms,
                reason="The snapshot's time was over before its turn came; ask for this table alone.",
            )
        try:
            return await self._timed(environment, probe, min(probe.budget, max(end - self._clock(), 0)))
        finally:
            slot.release()

    async def _timed(self, environment: Environment, probe: Probe, seconds: float) -> TableResult:
        started = self._clock()
        status: Literal["ok", "unsupported", "failed"] = "ok"
        rows: list[Row] = []
        reason = ""
        try:
            async with asyncio.timeout(seconds):
                rows = await probe.rows(environment)
        except TimeoutError:
            status, reason = "failed", f"No answer within its budget of {seconds:.1f} s."
        except Unsupported as error:
            status, reason = "unsupported", str(error)
        except (ProbeError, OSError, ValueError, KeyError, IndexError) as error:
            # The last three: output of another program in a shape its parser does not know. One table fails, not the snapshot.
            said = str(error) if isinstance(error, ProbeError | OSError) else f"{type(error).__name__}: {error}"
            status, reason = "failed", said
        kept, truncated = filtered(TABLES[probe.table], rows)
        return TableResult(
            probe.table,
            status,
            round((self._clock() - started) * 1000, 1),
            round(probe.budget * 1000, 1),
            kept,
            printable(shortened(reason, REASON_CHARACTERS)),
            truncated,
        )


def filtered(table: Table, rows: Sequence[Row]) -> tuple[tuple[Row, ...], int]:
    """Only allow-listed cells of the right kind, made printable, within the table's budget of rows and bytes.

    Returns:
        The rows and how many were left out.
    """
    kept: list[Row] = []
    size = 0
    for row in rows[: table.most]:
        clean = {column.name: _cell(column, row[column.name]) for column in table.columns if column.name in row}
        size += sum(len(name) + 2 + (len(cell) if isinstance(cell, str) else 9) for name, cell in clean.items())
        if size > TABLE_BYTES:
            break
        kept.append(clean)
    return tuple(kept), len(rows) - len(kept)


def _cell(column: Column, value: Cell) -> Cell:
    """`value` as the column's kind, or None where it does not fit (a probe's mistake must not send what nobody allowed)."""
    match column.kind:
        case "text":
            return shortened(printable(value), CELL_CHARACTERS) if isinstance(value, str) else None
        case "bool":
            return value if isinstance(value, bool) else None
        case "int":
            whole = isinstance(value, int) and not isinstance(value, bool)
            return value if whole and -(2**63) <= value < 2**63 else None  # type: ignore[operator]  # `whole` narrows it
        case "float":
            number = isinstance(value, int | float) and not isinstance(value, bool)
            return round(float(value), 3) if number and math.isfinite(value) else None  # type: ignore[arg-type]  # likewise
