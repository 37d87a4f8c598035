"""`handrail fixes` and `handrail fix`: the approved scripts of a device, running one, and whether the finding is gone."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import click
import msgspec

from hostio.exit_codes import ExitCode
from protocol.capabilities import Capability
from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.messages.diagnostics import Finding
from protocol.messages.fixes import SHORT_DIGEST, FixEntry, FixOutput, FixResult, FixStage, ParameterValue
from technician_client.cli.app import App, command_options, passphrase_option, reporting, run_async
from technician_client.cli.diagnose import fleet_exit_code
from technician_client.cli.names import complete_device, complete_fix
from technician_client.cli.output import Output, cell_text, count, error_document
from technician_client.cli.progress import counting
from technician_client.cli.targets import failure_line, fleet_options, one_device, select_devices, show_progress
from technician_client.cli.times import now
from technician_client.fleet import Outcome, run_on_devices, summarise
from technician_client.identity import TechnicianIdentity
from technician_client.known import KnownDevices
from technician_client.link import RelayClient
from technician_client.operations import (
    check_shown,
    diagnose,
    find_finding,
    find_fix,
    list_fixes,
    remaining_findings,
    run_fix,
    typed_parameters,
)
from technician_client.pinned import approved_for
from technician_client.sessions import Session
from technician_client.settings import Settings
from technician_client.worklog import Worklog, log_fix

WANTED = (Capability.DIAGNOSTICS, Capability.FIXES)
STAGES = {
    "verify_signature": "checking the script's signatures",
    "consent": "asking the person there",
    "detect": "looking whether it is needed",
    "run": "running",
    "verify": "checking that it worked",
    "undo": "undoing",
    "findings": "taking the findings again",
}
MOST_EVENTS = 10_000
LEAST_DIGITS = 8
GOOD = frozenset({"fixed", "not_needed", "done"})
FixEvent = FixStage | FixOutput


@dataclass(frozen=True, slots=True)
class Order:
    """What to run. `digest`: the beginning of that of the script that was looked at ("": for one device whatever it lists now,
    for many what the organisation has approved when the command begins, see `pinned_order`);
    `finding`: the id of the finding that it answers (""); `reason`: what the person there reads."""

    fix: str
    digest: str
    given: Mapping[str, ParameterValue]
    finding: str
    reason: str


def _digest(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    digest = value.strip().lower()
    if digest and (len(digest) < LEAST_DIGITS or not re.fullmatch(r"[0-9a-f]{1,64}", digest)):
        raise click.BadParameter(f"Write at least {LEAST_DIGITS} digits of what `handrail fixes` shows under digest.")
    return digest


def parse_parameters(given: Sequence[str]) -> dict[str, ParameterValue]:
    """`k=v` pairs of the command line.

    Raises:
        BadParameter: one has no "=" or no name, or a name comes twice.
    """
    found: dict[str, ParameterValue] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name or name in found:
            raise click.BadParameter(f"{pair!r}: write each parameter once, as NAME=VALUE.", param_hint="--param")
        found[name] = value
    return found


def result_exit_code(result: FixResult, remaining: Sequence[Finding]) -> ExitCode:
    """What the outcome of a run means for the exit code."""
    if result.outcome == "refused":
        return ExitCode.REFUSED
    if result.outcome in GOOD or result.outcome == "verify_failed":
        if remaining:
            return ExitCode.FINDING_REMAINS
        return ExitCode.OK if result.outcome in GOOD else ExitCode.FAILED
    return ExitCode.FAILED


async def fix_one(app: App, session: Session, order: Order, on_event: Callable[[FixEvent], None]) -> FixResult:
    """Run a fix with typed parameters; those that a named finding suggests come first, the given ones win. One of tier 3 takes
    the passphrase again where it was typed long ago, also in the middle of a run on many devices. What was wrong before and
    after is kept with the session's receipt.

    Raises:
        NotFound: no such fix, or the finding is not there. ParameterError: the parameters do not fit. Refused: CHANGED.
        StepUpNeeded: nobody can be asked for the passphrase.
    """
    entry = find_fix(order.fix, await list_fixes(session))
    check_shown(entry, order.digest)
    if app.step_up is not None:
        await app.step_up.satisfy(WANTED, app.prompt(), entry.min_tier)
    parameters = dict(order.given)
    if order.finding:
        suggestion = find_finding(order.finding, (await diagnose(session)).findings)
        if suggestion.fix == order.fix:
            parameters = {**suggestion.fix_parameters, **parameters}
    app.output.progress(f"{session.label}: {entry.id} {entry.version}, digest {entry.digest[:SHORT_DIGEST]}")
    result = await run_fix(
        session, entry.id, typed_parameters(entry, parameters), digest=entry.digest, finding=order.finding, on_event=on_event
    )
    try:
        about = Worklog(session.session_id, session.device, session.label)
        log_fix(app.settings().worklogs_directory, about, result, time.time())
    except HandrailError as error:
        app.output.warning(f"What was wrong before and after is not kept with the session's receipt: {error}")
    return result


def show_event(output: Output) -> Callable[[FixEvent], None]:
    """Shows stages on stderr and, in words, the script's output as it comes."""

    def show(event: FixEvent) -> None:
        match event:
            case FixStage(stage=stage):
                output.progress(f"{STAGES.get(stage, stage)} ...")
            case FixOutput(text=text):
                output.raw(text)

    return show


def result_document(
    device: str, label: str, result: FixResult, remaining: Sequence[Finding], events: Sequence[FixEvent] = ()
) -> dict[str, object]:
    """The end of a run as `--json` shows it: the result, what the script printed, the ids of findings that are still there."""
    return {
        "device": device,
        "label": label,
        **{name: getattr(result, name) for name in result.__struct_fields__ if name != "request"},
        "remaining": [one.id for one in remaining],
        "ok": result_exit_code(result, remaining) is ExitCode.OK,
        "output": [
            {"stage": event.stage, "stream": event.stream, "text": event.text} for event in events if isinstance(event, FixOutput)
        ],
    }


def show_result(output: Output, label: str, device: str, result: FixResult, remaining: Sequence[Finding]) -> None:
    """The outcome, and the findings before and after side by side."""
    good = result.outcome in GOOD and not remaining
    script = f"{result.id} {result.version}" + (f" (digest {result.digest[:SHORT_DIGEST]})" if result.digest else "")
    output.text(f"\n{label} ({device}): {script}: {result.outcome}", style="bold green" if good else "bold red")
    if result.text:
        output.text(result.text)
    if result.reason is RefusalReason.CHANGED:
        output.text(f"Look at the new one: handrail fixes {device}")
    if result.truncated:
        output.text("Some of its output was left out: there was more than the limit.", style="yellow")
    before, after = {one.id: one for one in result.before}, {one.id: one for one in result.after}
    rows, styles = [], []
    for name, one in {**before, **after}.items():
        then, now = name in before, name in after
        rows.append([one.title, name, "found" if then else "", "found" if now else "gone"])
        styles.append("green" if not now else "yellow" if then else "red")
    if rows:
        output.table("Findings", ["what", "id", "before", "after"], rows, styles, whole=("id",))
    if remaining:
        output.text(f"Still there: {', '.join(one.title for one in remaining)}", style="red")


async def fix_device(app: App, words: str, order: Order) -> ExitCode:
    """One device, its output streamed."""
    settings = app.settings()
    known = KnownDevices(settings.known_devices_file)
    async with RelayClient(app.keys(settings), settings) as relay:
        row = await one_device(relay, words)
        progress = show_progress(app.output)
        show, events = show_event(app.output), list[FixEvent]()

        def on_event(event: FixEvent) -> None:
            show(event)
            if len(events) < MOST_EVENTS:
                events.append(event)

        session = await Session.open(
            relay, device=row.id, wanted=WANTED, reason=order.reason, on_progress=progress, accept=known.remember
        )
        async with session:
            result = await fix_one(app, session, order, on_event)
            device, label = session.device, session.label
    remaining = remaining_findings(result, order.finding)
    code = result_exit_code(result, remaining)
    if app.output.as_json:
        app.output.json(result_document(device, label, result, remaining, events))
    else:
        show_result(app.output, label, device, result, remaining)
    return code


async def pinned_order(app: App, settings: Settings, order: Order) -> Order:
    """The order that goes to many devices: of one script, the one that was named by its digest, else the newest that the
    organisation has approved as this computer has verified it.

    Raises:
        NotFound: it has approved none of this id. Unavailable, TrustError: what it has approved is not to be known.
    """
    identity = app.keys(settings)
    if order.digest or not isinstance(identity, TechnicianIdentity):
        return order
    found = await asyncio.to_thread(approved_for, identity, settings, order.fix, now())
    app.output.progress(
        f"{found.id} {found.version}, digest {found.digest[:SHORT_DIGEST]}, as your organisation has approved it."
    )
    return replace(order, digest=found.digest)


async def fix_fleet(app: App, group: str | None, order: Order, concurrency: int | None) -> ExitCode:
    """A group or everything: results only, then a summary."""
    settings = app.settings()
    order = await pinned_order(app, settings, order)
    known = KnownDevices(settings.known_devices_file)
    codes: list[ExitCode] = []
    digests: set[str] = set()
    others: list[str] = []

    async def work(session: Session) -> FixResult:
        return await fix_one(app, session, order, lambda _event: None)

    def done(outcome: Outcome[FixResult]) -> None:
        if outcome.result is not None:
            digests.update({outcome.result.digest} - {""})
            if outcome.result.reason is RefusalReason.CHANGED:
                others.append(outcome.label)
            remaining = remaining_findings(outcome.result, order.finding)
            codes.append(result_exit_code(outcome.result, remaining))
            if app.output.as_json:
                app.output.json(result_document(outcome.device, outcome.label, outcome.result, remaining))
            else:
                show_result(app.output, outcome.label, outcome.device, outcome.result, remaining)
        elif outcome.error is not None:
            if isinstance(outcome.error, Refused) and outcome.error.reason is RefusalReason.CHANGED:
                others.append(outcome.label)
            if app.output.as_json:
                app.output.json({"device": outcome.device, "label": outcome.label, "error": error_document(outcome.error)})
            app.output.warning(failure_line(outcome.label, outcome.device, outcome.error))
        one_more()

    async with RelayClient(app.keys(settings), settings) as relay:
        rows = await select_devices(relay, group, known)
        app.output.progress(f"Asking {count(len(rows), 'device')} ...")
        one_more = counting(app.output, "Devices", len(rows))
        outcomes = await run_on_devices(
            relay,
            rows,
            work,
            wanted=WANTED,
            reason=order.reason,
            known=known,
            concurrency=concurrency or settings.concurrency,
            group=group,
            on_outcome=done,
        )
    summary, worked = summarise(outcomes), codes.count(ExitCode.OK)
    if app.output.as_json:
        app.output.json({"summary": {"devices": summary.devices, "fixed": worked, "failed": summary.devices - worked}})
    app.output.progress(f"{count(summary.devices, 'device')}: {worked} well, {summary.devices - worked} not.")
    if len(digests) > 1:
        app.output.warning(f"Not all of them have the same {order.fix}. With --digest only the one that you looked at is run.")
    if others:
        app.output.warning(
            f"{count(len(others), 'device')} did not run it, having another {order.fix} than digest "
            f"{order.digest[:SHORT_DIGEST]}. Devices fetch what is newly approved within an hour, those that are online at once."
        )
    if summary.failed:
        return fleet_exit_code(outcomes) if len(codes) == worked else ExitCode.FAILED
    return max(codes, default=ExitCode.NOT_FOUND)


async def show_fixes(app: App, words: str, reason: str) -> None:
    """The catalogue of one device."""
    settings = app.settings()
    known = KnownDevices(settings.known_devices_file)
    async with RelayClient(app.keys(settings), settings) as relay:
        row = await one_device(relay, words)
        progress = show_progress(app.output)
        session = await Session.open(
            relay, device=row.id, wanted=[Capability.DIAGNOSTICS], reason=reason, on_progress=progress, accept=known.remember
        )
        async with session:
            entries = sorted(await list_fixes(session), key=lambda entry: entry.id)
            device, label = session.device, session.label
    if app.output.as_json:
        app.output.json({"device": device, "label": label, "fixes": [msgspec.to_builtins(entry) for entry in entries]})
        return
    rows = [
        [
            *(entry.id, entry.version, entry.digest[:SHORT_DIGEST], entry.title, _parameter_words(entry)),
            *(entry.run_as, entry.min_tier, entry.why_not),
        ]
        for entry in entries
    ]
    styles = ["" if entry.available else "dim" for entry in entries]
    columns = ["id", "version", "digest", "what it does", "parameters", "runs as", "tier", "why not"]
    app.output.table(f"{label} ({device})", columns, rows, styles)


def _parameter_words(entry: FixEntry) -> str:
    words = []
    for one in entry.parameters:
        kind = "|".join(one.choices) if one.kind == "choice" else one.kind
        default = "" if one.default is None else f"={cell_text(one.default)}"
        words.append(f"{one.name}:{kind}{default}" + ("" if one.required else "?"))
    return " ".join(words)


@click.command(epilog="\b\nExample:\n  handrail fixes till-3")
@click.argument("device", nargs=-1, required=True, shell_complete=complete_device)
@click.option("--reason", default="Looking at approved fixes", show_default=True, help="What the person there reads.")
@passphrase_option
@command_options
@reporting
def fixes(app: App, device: tuple[str, ...], reason: str) -> None:
    """List the approved fixes of DEVICE, as the device itself has verified them."""
    run_async(show_fixes(app, " ".join(device), reason))


@click.command(
    epilog="\b\nExamples:\n  handrail fix till-3 flush-dns\n  handrail fix till-3 free-disk-space --param days=7\n"
    "  handrail fix till-3 restart-service --finding service_failed\n  handrail fix --group tills flush-dns\n"
    "  handrail fix --all flush-dns --digest 3f2a91c0b7de\n\n"
    "\b\nEnds with 8 when the fix ran but the finding it answers is still there."
)
@click.argument("words", nargs=-1, required=True, metavar="[DEVICE] FIX", shell_complete=complete_fix)
@fleet_options
@click.option("--param", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter; may be given more than once.")
@click.option("--finding", default="", help="The finding this answers: gives its parameters, and must be gone after.")
@click.option(
    "--digest",
    default="",
    metavar="HEX",
    callback=_digest,
    help="Run only the very script that `handrail fixes` or the library showed under this digest; its beginning is enough. "
    "For several devices the default is what your organisation has approved when the command begins.",
)
@click.option("--reason", default="Running an approved fix", show_default=True, help="What the person there reads.")
@passphrase_option
@command_options
@reporting
def fix(
    app: App,
    words: tuple[str, ...],
    group: str | None,
    everything: bool,
    concurrency: int | None,
    parameters: tuple[str, ...],
    finding: str,
    digest: str,
    reason: str,
) -> int:
    """Run the approved script FIX on DEVICE (or on a group) and see whether what was wrong is gone.

    Its output is shown as it comes; the findings before and after stand side by side.
    """
    order = Order(words[-1], digest, parse_parameters(parameters), finding, reason)
    many = group is not None or everything
    if (group is not None and everything) or len(words) != (1 if many else 2):
        raise click.UsageError("Write: handrail fix DEVICE FIX, or handrail fix --group G FIX, or handrail fix --all FIX.")
    if many:
        return run_async(fix_fleet(app, group, order, concurrency))
    return run_async(fix_device(app, words[0], order))
