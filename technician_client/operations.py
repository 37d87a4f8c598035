"""What is done with an open session apart from watching it: reading diagnostics, fixes, what may be forwarded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from protocol.errors import HandrailError, RefusalReason, Refused, RemoteProtocolError
from protocol.messages.diagnostics import DiagnosticsCollect, DiagnosticsDone, DiagnosticsTable, Finding
from protocol.messages.fixes import (
    SHORT_DIGEST,
    FixCatalogue,
    FixEntry,
    FixList,
    FixOutput,
    FixParameter,
    FixResult,
    FixRun,
    FixStage,
    ParameterValue,
)
from protocol.messages.forward import ForwardAsk, ForwardRules
from technician_client.errors import NotFound
from technician_client.sessions import Session

DIAGNOSTICS_SECONDS = 60.0
_MOST_TABLES = 200


class ParameterError(HandrailError):
    """A fix was given a parameter it does not take, or one is missing; the text lists what it takes."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What state a device is in. `taken_at` is seconds since 1970 by the device's clock."""

    tables: tuple[DiagnosticsTable, ...]
    findings: tuple[Finding, ...]
    duration_ms: float
    taken_at: float


async def diagnose(session: Session, tables: Sequence[str] = ()) -> Snapshot:
    """Have the device run its probes and rules (all tables when none is named).

    Raises:
        Refused, SessionLost: as `Session.request`. TimeoutError: a minute went by without a word.
    """
    received: list[DiagnosticsTable] = []
    async with session.request(DiagnosticsCollect(session.next_request(), list(tables)), seconds=DIAGNOSTICS_SECONDS) as answers:
        async for answer in answers:
            match answer:
                case DiagnosticsTable() if len(received) < _MOST_TABLES:
                    received.append(answer)
                case DiagnosticsDone(findings=findings, duration_ms=duration_ms, taken_at=taken_at):
                    return Snapshot(tuple(received), tuple(findings), duration_ms, taken_at)
                case _:
                    raise RemoteProtocolError(f"The device answered with {type(answer).__name__}, or too many tables.")
    raise session.loss()


async def list_fixes(session: Session) -> list[FixEntry]:
    """The approved scripts as the device has verified them."""
    async with session.request(FixList(session.next_request()), seconds=DIAGNOSTICS_SECONDS) as answers:
        async for answer in answers:
            if isinstance(answer, FixCatalogue):
                return answer.fixes
    raise session.loss()


async def forward_rules(session: Session) -> ForwardRules:
    """What may be reached through the device.

    Raises:
        Refused, SessionLost: as `Session.request`. TimeoutError: a minute went by without a word.
    """
    async with session.request(ForwardAsk(session.next_request()), seconds=DIAGNOSTICS_SECONDS) as answers:
        async for answer in answers:
            if isinstance(answer, ForwardRules):
                return answer
    raise session.loss()


async def run_fix(
    session: Session,
    fix: str,
    parameters: Mapping[str, ParameterValue],
    *,
    digest: str,
    finding: str = "",
    on_event: Callable[[FixStage | FixOutput], None],
) -> FixResult:
    """Run an approved script and return its end with the findings before and after. The person there may be asked first.
    `digest` says which one it was that the technician looked at; the device runs no other.

    Raises:
        Refused, SessionLost: as `Session.request`.
    """
    async with session.request(FixRun(session.next_request(), fix, dict(parameters), finding, digest)) as answers:
        async for answer in answers:
            match answer:
                case FixStage() | FixOutput():
                    on_event(answer)
                case FixResult():
                    return answer
                case _:
                    raise RemoteProtocolError(f"The device answered a fix with {type(answer).__name__}.")
    raise session.loss()


def find_fix(fix: str, fixes: Sequence[FixEntry]) -> FixEntry:
    """The entry of that id.

    Raises:
        NotFound: the device has no such approved script.
    """
    for entry in fixes:
        if entry.id == fix:
            return entry
    near = ", ".join(sorted(entry.id for entry in fixes)[:20]) or "none at all"
    raise NotFound(f"The device has no approved fix {fix!r}. It has: {near}.")


def check_shown(entry: FixEntry, digest: str) -> None:
    """Is what a device has approved what the technician looked at? The device asks the same when it is told to run it.

    Args: digest: of what they looked at, or its beginning.

    Raises:
        Refused: CHANGED, it is another.
    """
    if entry.digest.startswith(digest):
        return
    has = entry.digest[:SHORT_DIGEST] or "not told, its Handrail is too old"
    raise Refused(
        f"{entry.id} is another there than the one that was ordered: version {entry.version} (digest {has}). Nothing was run. "
        "Look at it again: `handrail fixes` lists what a device has, the console's library shows its text.",
        reason=RefusalReason.CHANGED,
    )


def find_finding(finding: str, findings: Sequence[Finding]) -> Finding:
    """The finding of that id.

    Raises:
        NotFound: it is not among them (any more).
    """
    for one in findings:
        if one.id == finding:
            return one
    there = ", ".join(sorted({one.id for one in findings})) or "nothing"
    raise NotFound(f"The device does not find {finding!r} now. It finds: {there}.")


def typed_parameters(entry: FixEntry, given: Mapping[str, ParameterValue]) -> dict[str, ParameterValue]:
    """Parameters as the script declares them, from words of the command line. The device checks them again.

    Raises:
        ParameterError: unknown, missing, or of another type.
    """
    declared = {parameter.name: parameter for parameter in entry.parameters}
    unknown = sorted(set(given) - set(declared))
    if unknown:
        takes = ", ".join(sorted(declared)) or "none"
        raise ParameterError(f"{entry.id} takes no parameter {', '.join(unknown)}. It takes: {takes}.")
    missing = [p.name for p in declared.values() if p.required and p.default is None and p.name not in given]
    if missing:
        raise ParameterError(f"{entry.id} needs {', '.join(missing)}: add --param {missing[0]}=VALUE.")
    return {name: _typed(declared[name], value) for name, value in given.items()}


def _typed(parameter: FixParameter, value: ParameterValue) -> ParameterValue:
    if parameter.kind == "bool":
        if isinstance(value, bool):
            return value
        answer = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}.get(str(value).casefold())
        if answer is None:
            raise ParameterError(f"{parameter.name} is yes or no, not {value!r}.")
        return answer
    if parameter.kind == "int":
        return _whole(parameter, value)
    if parameter.kind == "choice" and str(value) not in parameter.choices:
        raise ParameterError(f"{parameter.name} is one of {', '.join(parameter.choices)}, not {value!r}.")
    return str(value)


def _whole(parameter: FixParameter, value: ParameterValue) -> int:
    try:
        number = int(str(value), 10)
    except ValueError as error:
        raise ParameterError(f"{parameter.name} is a whole number, not {value!r}.") from error
    low, high = parameter.low, parameter.high
    if (low is not None and number < low) or (high is not None and number > high):
        raise ParameterError(f"{parameter.name} is from {low} to {high}, not {number}.")
    return number


def remaining_findings(result: FixResult, finding: str = "") -> list[Finding]:
    """The findings this run was meant to answer and that are still there: `finding` when named, else those before it that name
    this fix as their answer."""
    meant = {finding} if finding else {one.id for one in result.before if one.fix == result.id}
    return [one for one in result.after if one.id in meant]
