"""One approved fix on many devices, each step told as it happens: what `handrail fix` does for groups, for the console.

Every device opens a session of its own, asks its user where its policy says so, verifies the script's signatures by itself and
takes the findings before and after. One device's failure never stops another.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from protocol.capabilities import Capability
from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.link_messages import DeviceRow
from protocol.messages.fixes import FixOutput, FixResult, FixStage, ParameterValue
from technician_client.fleet import Outcome, run_on_devices
from technician_client.known import KnownDevices
from technician_client.operations import check_shown, find_fix, list_fixes, run_fix, typed_parameters
from technician_client.sessions import Progress, Relay, Session
from technician_client.worklog import Worklog, log_fix

_LOGGER = logging.getLogger(__name__)
WANTED: Final = (Capability.DIAGNOSTICS, Capability.FIXES)


@dataclass(frozen=True, slots=True)
class FixOrder:
    """What to run where. `digest`: of the script as the technician has seen it, which is the only one that is run; `devices` are
    ids; `group`: leave devices alone whose certificate says another one (None: any)."""

    fix: str
    digest: str
    parameters: Mapping[str, ParameterValue]
    devices: Sequence[str]
    reason: str
    group: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceStep:
    """Where one device stands: a `sessions.Stage` while its session opens, then a stage of `protocol.messages.fixes.FixStage`."""

    device: str
    step: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class DeviceOutput:
    """What the script printed there."""

    device: str
    stage: str
    stream: str
    text: str


@dataclass(frozen=True, slots=True)
class DeviceDone:
    """How it ended there: `result`, or `error` in words. Both None: the device was left alone, its certificate says another
    group. `changed`: it was not run, because what is approved there is not what was looked at."""

    device: str
    label: str
    result: FixResult | None
    error: str | None
    seconds: float
    changed: bool = False


FixEvent = DeviceStep | DeviceOutput | DeviceDone


async def run_fix_on_devices(
    relay: Relay,
    rows: Sequence[DeviceRow],
    order: FixOrder,
    *,
    known: KnownDevices,
    worklogs: Path,
    concurrency: int,
    on_event: Callable[[FixEvent], None],
) -> None:
    """Run `order` on `rows` (its devices), `concurrency` at a time. Cancelling ends every session, and with it the fix there.
    What was wrong before and after is kept in `worklogs`, as for a fix of any session."""
    done: set[str] = set()

    async def work(session: Session) -> FixResult:
        entry = find_fix(order.fix, await list_fixes(session))
        check_shown(entry, order.digest)
        result = await run_fix(
            session,
            order.fix,
            typed_parameters(entry, order.parameters),
            digest=order.digest,
            on_event=lambda event: on_event(_event(session.device, event)),
        )
        try:
            log_fix(worklogs, Worklog(session.session_id, session.device, session.label), result, time.time())
        except HandrailError as error:  # a disk that takes nothing costs only that
            _LOGGER.warning("what was fixed in session %s is not kept: %s", session.session_id, error)
        return result

    def opening(device: str, progress: Progress) -> None:
        on_event(DeviceStep(device, progress.stage.value, progress.label))

    def ended(outcome: Outcome[FixResult]) -> None:
        done.add(outcome.device)
        if outcome.result is not None:
            known.learn(outcome.device, {}, outcome.result.after)
        error = None if outcome.error is None else str(outcome.error)
        said = outcome.error if isinstance(outcome.error, Refused) else outcome.result
        changed = said is not None and said.reason is RefusalReason.CHANGED
        on_event(DeviceDone(outcome.device, outcome.label, outcome.result, error, outcome.seconds, changed))

    await run_on_devices(
        relay,
        rows,
        work,
        wanted=WANTED,
        reason=order.reason,
        known=known,
        concurrency=concurrency,
        group=order.group,
        on_outcome=ended,
        on_progress=opening,
    )
    for row in rows:
        if row.id not in done:
            on_event(DeviceDone(row.id, row.label, None, None, 0.0))


def _event(device: str, event: FixStage | FixOutput) -> FixEvent:
    match event:
        case FixStage(stage=stage):
            return DeviceStep(device, stage)
        case FixOutput(stage=stage, stream=stream, text=text):
            return DeviceOutput(device, stage, stream, text)
