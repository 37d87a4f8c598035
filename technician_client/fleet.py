"""The same work on many devices: a few sessions at a time, each with its own outcome, and a summary."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from protocol.capabilities import Capability
from protocol.certificates import Identity
from protocol.errors import HandrailError
from protocol.link_messages import DeviceRow
from technician_client.errors import NotFound, SessionLost
from technician_client.known import KnownDevices
from technician_client.sessions import Progress, Relay, Session
from technician_client.verdicts import device_claims

T = TypeVar("T")


class OtherGroup(HandrailError):
    """The device's certificate says another group than the one addressed: it was left alone."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What came of one device: `result`, or `error`. `label` is the certified one where there was a session, else the relay's."""

    device: str
    label: str
    result: T | None
    error: HandrailError | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run went, in devices."""

    devices: int
    succeeded: int
    failed: int


def summarise(outcomes: Sequence[Outcome[T]]) -> Summary:
    """Count."""
    failed = sum(outcome.error is not None for outcome in outcomes)
    return Summary(len(outcomes), len(outcomes) - failed, failed)


def select_online(rows: Sequence[DeviceRow]) -> list[DeviceRow]:
    """The devices that are connected now, by label."""
    return sorted((row for row in rows if row.online), key=lambda row: (row.label.casefold(), row.id))


def select_group(rows: Sequence[DeviceRow], group: str, known: KnownDevices) -> list[DeviceRow]:
    """The connected devices that may be of `group`: those whose certificate said so before, and those never met. The certificate
    of each is looked at again before anything is asked of it (`accept_group`)."""
    return [row for row in select_online(rows) if (met := known.get(row.id)) is None or met.group == group]


def accept_group(group: str) -> Callable[[Identity], None]:
    """For `Session.open`: let only devices of `group` pass."""

    def accept(identity: Identity) -> None:
        certified = device_claims(identity).group
        if certified != group:
            raise OtherGroup(f"its certificate says group {certified!r}")

    return accept


async def run_on_devices(
    relay: Relay,
    rows: Sequence[DeviceRow],
    work: Callable[[Session], Awaitable[T]],
    *,
    wanted: Sequence[Capability],
    reason: str,
    known: KnownDevices,
    concurrency: int,
    group: str | None = None,
    on_outcome: Callable[[Outcome[T]], None] | None = None,
    on_progress: Callable[[str, Progress], None] = lambda _device, _progress: None,
) -> list[Outcome[T]]:
    """Open a session with each device, `concurrency` at a time, and do `work` in it. One device's failure never stops another.

    Args:
        group: leave devices alone whose certificate says another group; they have no outcome.
        on_outcome: called as each device is done.
        on_progress: called with a device's id as the opening of its session goes on.

    Returns:
        The outcomes in the order of `rows`.
    """
    gate = asyncio.Semaphore(concurrency)
    outcomes: dict[str, Outcome[T]] = {}

    async def one(row: DeviceRow) -> None:
        async with gate:
            outcome = await _one_device(relay, row, work, wanted, reason, known, group, on_progress)
        if outcome is not None:
            outcomes[row.id] = outcome
            if on_outcome is not None:
                on_outcome(outcome)

    async with known.in_background(), asyncio.TaskGroup() as tasks:
        for row in rows:
            tasks.create_task(one(row), name=f"device {row.id}")
    return [outcomes[row.id] for row in rows if row.id in outcomes]


async def _one_device(
    relay: Relay,
    row: DeviceRow,
    work: Callable[[Session], Awaitable[T]],
    wanted: Sequence[Capability],
    reason: str,
    known: KnownDevices,
    group: str | None,
    on_progress: Callable[[str, Progress], None],
) -> Outcome[T] | None:
    began = time.monotonic()
    label = row.label

    def accept(identity: Identity) -> None:
        nonlocal label
        label = device_claims(identity).label
        known.remember(identity)
        if group is not None:
            accept_group(group)(identity)

    try:
        session = await Session.open(
            relay,
            device=row.id,
            wanted=wanted,
            reason=reason,
            accept=accept,
            on_progress=lambda progress: on_progress(row.id, progress),
        )
        async with session:
            result = await work(session)
    except OtherGroup:
        return None
    except HandrailError as error:
        return Outcome(row.id, label, None, error, time.monotonic() - began)
    except TimeoutError:
        silent = SessionLost("The device stopped answering.", reason="silence", clean=False)
        return Outcome(row.id, label, None, silent, time.monotonic() - began)
    return Outcome(row.id, label, result, None, time.monotonic() - began)


def demand_devices(rows: Sequence[DeviceRow], what: str) -> None:
    """Raises:
    NotFound: there is no device to work on.
    """
    if not rows:
        raise NotFound(f"No device of {what} is connected now. `handrail devices` shows which are.")
