"""`handrail diagnose`: what state devices are in and what is wrong with them."""

import shlex
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from hostio.exit_codes import ExitCode
from protocol.capabilities import Capability
from protocol.messages.diagnostics import DiagnosticsTable, Finding
from technician_client.cli.app import App, command_options, passphrase_option, reporting, run_async
from technician_client.cli.devices import rfc3339
from technician_client.cli.exit_codes import exit_code_of
from technician_client.cli.names import complete_device
from technician_client.cli.output import Output, cell_text, count, error_document, inert
from technician_client.cli.progress import counting
from technician_client.cli.targets import demand_one_way, failure_line, fleet_options, one_device, select_devices, show_progress
from technician_client.fleet import Outcome, run_on_devices, summarise
from technician_client.known import KnownDevices
from technician_client.link import RelayClient
from technician_client.operations import Snapshot
from technician_client.operations import diagnose as take_snapshot
from technician_client.sessions import Session

SEVERITIES = {"critical": "bold red", "warning": "yellow", "notice": ""}
EVIDENCE_CHARS = 300
WANTED = (Capability.DIAGNOSTICS,)


def snapshot_document(device: str, label: str, snapshot: Snapshot) -> dict[str, object]:
    """A snapshot as `--json` shows it."""
    return {
        "device": device,
        "label": label,
        "taken_at": rfc3339(snapshot.taken_at),
        "duration_ms": snapshot.duration_ms,
        "findings": [msgspec.to_builtins(finding) for finding in snapshot.findings],
        "tables": [_table_document(table) for table in snapshot.tables],
    }


def _table_document(table: DiagnosticsTable) -> dict[str, object]:
    return {name: getattr(table, name) for name in table.__struct_fields__ if name != "request"}


def show_findings(output: Output, device: str, findings: Sequence[Finding]) -> None:
    """What is wrong, worst first, with its evidence and the command that runs the fix which answers it."""
    if not findings:
        output.text("Nothing is wrong that a rule knows of.", style="green")
    order = list(SEVERITIES)
    for one in sorted(findings, key=lambda finding: order.index(finding.severity)):
        output.text(f"{one.severity}: {inert(one.title)}", style=SEVERITIES[one.severity])
        if one.text:
            output.text(f"    {inert(one.text)}")
        output.text(f"    {inert(evidence_words(one))}", style="dim")
        if one.fix:
            output.text(f"    -> handrail fix {device} {shlex.quote(inert(one.fix))} --finding {shlex.quote(inert(one.id))}")


def evidence_words(finding: Finding) -> str:
    """The cells that led to a finding, on one line."""
    words = ", ".join(f"{name}={cell_text(cell)}" for name, cell in finding.evidence.items())
    return words if len(words) <= EVIDENCE_CHARS else f"{words[:EVIDENCE_CHARS]} ..."


def show_table(output: Output, table: DiagnosticsTable) -> None:
    """One table with all its rows."""
    columns = list(dict.fromkeys(name for row in table.rows for name in row))
    title = f"{table.name}" + (f" ({table.truncated} rows left out)" if table.truncated else "")
    if table.status != "ok":
        output.text(f"{title}: {table.status}: {table.reason}", style="yellow")
    else:
        output.table(title, columns or ["(no rows)"], [[row.get(name) for name in columns] for row in table.rows])


def show_snapshot(output: Output, label: str, device: str, snapshot: Snapshot, named: Sequence[str], full: bool) -> None:
    """Findings, then either the tables that were named (or all, when `full`) or one line for each table."""
    output.text(f"\n{label} ({device})", style="bold")
    show_findings(output, device, snapshot.findings)
    if named or full:
        for table in snapshot.tables:
            show_table(output, table)
        return
    rows = [[table.name, table.status, len(table.rows), f"{table.duration_ms:.0f}", table.reason] for table in snapshot.tables]
    styles = ["" if table.status == "ok" else "dim" for table in snapshot.tables]
    output.table(
        "Tables (--full for all rows, --table NAME for one)",
        ["table", "status", "rows", "ms", "why not"],
        rows,
        styles,
        whole=("table",),
    )


async def diagnose_one(app: App, words: str, tables: Sequence[str], full: bool, reason: str) -> None:
    """One device, with progress."""
    settings = app.settings()
    known = KnownDevices(settings.known_devices_file)
    async with RelayClient(app.keys(settings), settings) as relay:
        row = await one_device(relay, words)
        session = await Session.open(
            relay,
            device=row.id,
            wanted=WANTED,
            reason=reason,
            on_progress=show_progress(app.output),
            accept=known.remember,
        )
        async with session:
            app.output.progress("Reading what state it is in ...")
            snapshot = await take_snapshot(session, tables)
            device, label = session.device, session.label
    if app.output.as_json:
        app.output.json(snapshot_document(device, label, snapshot))
    else:
        show_snapshot(app.output, label, device, snapshot, tables, full)


async def diagnose_many(
    app: App, group: str | None, tables: Sequence[str], full: bool, reason: str, concurrency: int | None
) -> ExitCode:
    """A group or everything: each device as it is done, then a summary."""
    settings = app.settings()
    known = KnownDevices(settings.known_devices_file)

    async def work(session: Session) -> Snapshot:
        return await take_snapshot(session, tables)

    async with RelayClient(app.keys(settings), settings) as relay:
        rows = await select_devices(relay, group, known)
        app.output.progress(f"Asking {count(len(rows), 'device')} ...")

        def done(outcome: Outcome[Snapshot]) -> None:
            _show_outcome(app.output, outcome, tables, full)
            one_more()

        one_more = counting(app.output, "Devices", len(rows))
        outcomes = await run_on_devices(
            relay,
            rows,
            work,
            wanted=WANTED,
            reason=reason,
            known=known,
            concurrency=concurrency or settings.concurrency,
            group=group,
            on_outcome=done,
        )
    summary = summarise(outcomes)
    findings = sum(len(outcome.result.findings) for outcome in outcomes if outcome.result is not None)
    if app.output.as_json:
        app.output.json({"summary": {**_summary_document(summary), "findings": findings}})
    read = f"{summary.succeeded} read, {summary.failed} failed, {count(findings, 'finding')}"
    app.output.progress(f"{count(summary.devices, 'device')}: {read}.")
    return fleet_exit_code(outcomes)


def _summary_document(summary: object) -> dict[str, int]:
    return {name: getattr(summary, name) for name in ("devices", "succeeded", "failed")}


def fleet_exit_code(outcomes: Sequence[Outcome[Any]]) -> ExitCode:
    """OK when all succeeded; the one code of the failures when they share it; else FAILED. NOT_FOUND when there was no device."""
    if not outcomes:
        return ExitCode.NOT_FOUND
    codes = {exit_code_of(outcome.error) for outcome in outcomes if outcome.error is not None}
    if not codes:
        return ExitCode.OK
    return codes.pop() if len(codes) == 1 else ExitCode.FAILED


def _show_outcome(output: Output, outcome: Outcome[Snapshot], tables: Sequence[str], full: bool) -> None:
    if outcome.result is not None:
        if output.as_json:
            output.json(snapshot_document(outcome.device, outcome.label, outcome.result))
        else:
            show_snapshot(output, outcome.label, outcome.device, outcome.result, tables, full)
    elif outcome.error is not None:
        if output.as_json:
            output.json({"device": outcome.device, "label": outcome.label, "error": error_document(outcome.error)})
        output.warning(failure_line(outcome.label, outcome.device, outcome.error))


@click.command(
    epilog="\b\nExamples:\n  handrail diagnose till-3\n  handrail diagnose till-3 --table mounts\n"
    "  handrail diagnose --group tills --json > tills.jsonl"
)
@click.argument("device", nargs=-1, shell_complete=complete_device)
@fleet_options
@click.option("--table", "tables", multiple=True, help="Only this table, with its rows; may be given more than once.")
@click.option("--full", is_flag=True, help="All rows of all tables.")
@click.option("--reason", default="Diagnostics", show_default=True, help="What the person there reads, should one be asked.")
@passphrase_option
@command_options
@reporting
def diagnose(
    app: App,
    device: tuple[str, ...],
    group: str | None,
    everything: bool,
    concurrency: int | None,
    tables: tuple[str, ...],
    full: bool,
    reason: str,
) -> int | None:
    """Read what state DEVICE is in: tables under osquery's names and the findings that follow from them.

    DEVICE is an id, a label, or the beginning of either. With --json: one document for one device, JSON lines for several, the
    last of them {"summary": ...}.
    """
    words = " ".join(device)
    demand_one_way(words, group, everything)
    if words:
        run_async(diagnose_one(app, words, tables, full, reason))
        return None
    return run_async(diagnose_many(app, group, tables, full, reason, concurrency))
