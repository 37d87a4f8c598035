"""Fixes that run on many devices: each run with its devices' states as they change, its end, and its report.

A run goes on when its tab is closed, and ends with the console. Output of one device is bounded; so is the number of runs kept.
"""

import asyncio
import csv
import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from hostio.tasks import Supervisor
from protocol.errors import HandrailError
from protocol.messages.fixes import FixResult
from technician_client.console.hub import TooMany
from technician_client.console.ports import RelayPort
from technician_client.fleet_fixes import DeviceDone, DeviceOutput, DeviceStep, FixEvent, FixOrder
from technician_client.operations import remaining_findings

RUNS_KEPT: Final = 20
RUNS_AT_ONCE: Final = 4
OUTPUT_CHARS: Final = 20_000
GOOD: Final = frozenset({"fixed", "not_needed", "done"})
CSV_COLUMNS: Final = (
    *("device", "label", "fix", "version", "digest", "state", "outcome"),
    *("seconds", "exit_code", "before", "after", "text"),
)
PLAIN_FIELDS: Final = ("device", "label", "state", "step", "outcome", "text", "seconds", "changed")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(slots=True)
class DeviceRun:
    """One device in a run. `state`: waiting, running, good, bad, left_alone, cancelled; `step` as `DeviceStep.step`."""

    device: str
    label: str
    state: str = "waiting"
    step: str = ""
    outcome: str = ""
    text: str = ""
    seconds: float = 0.0
    output: str = ""
    result: FixResult | None = None
    changed: bool = False

    def document(self) -> dict[str, Any]:
        """As the page and the report show it."""
        return self.state_document() | {"output": self.output}

    def state_document(self) -> dict[str, Any]:
        """`document` without what was printed."""
        result = self.result
        found = {
            "before": [] if result is None else [_finding(one) for one in result.before],
            "after": [] if result is None else [_finding(one) for one in result.after],
            "remaining": [] if result is None else [one.id for one in remaining_findings(result)],
        }
        plain = {name: getattr(self, name) for name in PLAIN_FIELDS}
        return plain | found | {"exit_code": None if result is None else result.exit_code}


@dataclass(slots=True)
class FixRunOnMany:
    """One run. Times in seconds since 1970."""

    name: str
    order: FixOrder
    title: str
    version: str
    started: float
    devices: dict[str, DeviceRun]
    ended: float = 0.0
    error: str = ""
    cancelled: bool = False
    supervisor: Supervisor = field(default_factory=Supervisor)

    def row(self) -> dict[str, Any]:
        """The run without its devices."""
        states = [device.state for device in self.devices.values()]
        counts = {state: states.count(state) for state in ("waiting", "running", "good", "bad", "left_alone", "cancelled")}
        return {
            "id": self.name,
            "fix": self.order.fix,
            "title": self.title,
            "version": self.version,
            "digest": self.order.digest,
            "parameters": dict(self.order.parameters),
            "reason": self.order.reason,
            "group": self.order.group,
            "started": self.started,
            "ended": self.ended,
            "error": self.error,
            "cancelled": self.cancelled,
            "counts": counts,
            "total": len(states),
        }

    def report(self) -> dict[str, Any]:
        """Everything."""
        return self.row() | {"devices": [device.document() for device in self.devices.values()]}

    def hear(self, event: FixEvent) -> DeviceRun | None:
        """One event; returns the device whose state it changed."""
        device = self.devices.get(event.device)
        if device is None:
            return None
        match event:
            case DeviceStep(step=step, label=label):
                device.state, device.step, device.label = "running", step, label or device.label
            case DeviceOutput(text=text):
                if len(device.output) < OUTPUT_CHARS:
                    device.output = (device.output + text)[:OUTPUT_CHARS]
            case DeviceDone():
                _end(device, event)
        return device


def _end(device: DeviceRun, done: DeviceDone) -> None:
    device.label, device.seconds = done.label or device.label, done.seconds
    device.result, device.changed = done.result, done.changed
    if done.result is not None:
        good = done.result.outcome in GOOD and not remaining_findings(done.result)
        device.state, device.outcome, device.text = "good" if good else "bad", done.result.outcome, done.result.text
    elif done.error is not None:
        device.state, device.outcome, device.text = "bad", "not_run", done.error
    else:
        device.state, device.outcome = "left_alone", "left_alone"
        device.text = "Its certificate says another group: it was left alone."


def _finding(finding: Any) -> dict[str, Any]:
    return {"id": finding.id, "title": finding.title, "severity": finding.severity}


class FixRuns:
    """All runs of one console.

    Args:
        new_name: makes an unguessable name for a run's address.
    """

    def __init__(self, relay: RelayPort, *, new_name: Callable[[], str], wall: Callable[[], float] = time.time) -> None:
        self._relay = relay
        self._new_name = new_name
        self._wall = wall
        self._runs: dict[str, FixRunOnMany] = {}
        self._watchers: dict[asyncio.Event, set[tuple[str, str]]] = {}

    def get(self, name: str) -> FixRunOnMany | None:
        """The run of that name."""
        return self._runs.get(name)

    def all(self) -> Sequence[FixRunOnMany]:
        """Every run kept, newest first."""
        return tuple(reversed(self._runs.values()))

    def watch(self) -> tuple[asyncio.Event, set[tuple[str, str]]]:
        """An event that is set when something changes, and what has: (run, device), device "" for the run itself. The watcher
        clears both; give the event back with `unwatch`."""
        changed, what = asyncio.Event(), set[tuple[str, str]]()
        self._watchers[changed] = what
        return changed, what

    def unwatch(self, changed: asyncio.Event) -> None:
        """The watcher has gone."""
        self._watchers.pop(changed, None)

    def _tell(self, run: str, device: str = "") -> None:
        for changed, what in self._watchers.items():
            what.add((run, device))
            what.add((run, ""))
            changed.set()

    def start(self, order: FixOrder, *, title: str, version: str, labels: Mapping[str, str]) -> FixRunOnMany:
        """Begin.

        Raises:
            TooMany: wait for one that runs.
        """
        going = [run for run in self._runs.values() if not run.ended]
        if len(going) >= RUNS_AT_ONCE:
            raise TooMany(f"{RUNS_AT_ONCE} runs are going on. Wait for one of them, or stop it.")
        over = [name for name, run in self._runs.items() if run.ended]
        for name in over[: max(0, len(self._runs) - RUNS_KEPT + 1)]:
            del self._runs[name]
        devices = {device: DeviceRun(device, labels.get(device, "")) for device in order.devices}
        run = FixRunOnMany(self._new_name(), order, title, version, self._wall(), devices)
        self._runs[run.name] = run
        _ = run.supervisor.spawn(self._run(run), f"fix {order.fix} on {len(devices)} devices")
        self._tell(run.name)
        return run

    async def _run(self, run: FixRunOnMany) -> None:
        def hear(event: FixEvent) -> None:
            device = run.hear(event)
            if device is not None:
                self._tell(run.name, device.device)

        try:
            await self._relay.run_fix(run.order, hear)
        except HandrailError as error:
            run.error = str(error)
        finally:
            self._close(run)

    def _close(self, run: FixRunOnMany) -> None:
        for device in run.devices.values():
            if device.state in ("waiting", "running"):
                device.state, device.outcome = "cancelled", "cancelled"
                device.text = run.error or (
                    "It was not begun." if not device.step else "It was stopped here; its findings say what it has changed."
                )
                self._tell(run.name, device.device)
        run.ended = self._wall()
        self._tell(run.name)

    async def cancel(self, name: str) -> bool:
        """Stop a run on every device; returns whether there is one of that name."""
        run = self._runs.get(name)
        if run is None:
            return False
        if not run.ended:
            run.cancelled = True
            await run.supervisor.aclose()
        return True

    async def aclose(self) -> None:
        """Stop everything."""
        for run in tuple(self._runs.values()):
            await self.cancel(run.name)


class RunTeller:
    """What one watcher of runs has been told, so that it is told what was added and not everything again."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], tuple[dict[str, Any], int, int]] = {}

    def changes(self, run: FixRunOnMany, device: str) -> list[dict[str, Any]]:
        """What is new of one device, as objects for a page. `at` counts UTF-16 units, as a page's texts do."""
        now = run.devices[device]
        state = now.state_document()
        before, told, at = self._told.get((run.name, device), ({}, 0, 0))
        changes: list[dict[str, Any]] = []
        if state != before:
            changes.append({"type": "run_device", "run": run.name, "row": state})
        text = now.output[told:]
        if text:
            changes.append({"type": "run_output", "run": run.name, "device": device, "at": at, "text": text})
        self._told[run.name, device] = (state, len(now.output), at + len(text.encode("utf-16-le")) // 2)
        return changes

    def forget(self, run: str) -> None:
        """It is kept no longer."""
        self._told = {key: value for key, value in self._told.items() if key[0] != run}


def csv_report(run: FixRunOnMany) -> str:
    """One line for each device. A cell that a spreadsheet would take for a formula is quoted (CWE-1236)."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(CSV_COLUMNS)
    for device in run.devices.values():
        document = device.document()
        before, after = ("; ".join(one["title"] for one in document[key]) for key in ("before", "after"))
        fix = [run.order.fix, run.version, run.order.digest]
        cells = [device.device, device.label, *fix, device.state, device.outcome, f"{device.seconds:.1f}"]
        exit_code = "" if document["exit_code"] is None else str(document["exit_code"])
        writer.writerow([_plain(cell) for cell in (*cells, exit_code, before, after, device.text)])
    return text.getvalue()


def _plain(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) and not cell.lstrip("-").replace(".", "", 1).isdigit() else cell


def json_report(run: FixRunOnMany) -> str:
    """The run as a document."""
    return msgspec.json.format(msgspec.json.encode(run.report()), indent=2).decode()
